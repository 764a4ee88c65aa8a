#include "gateway/platform/mosquitto_client.h"

#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

namespace {

thread_local bool inside_mosquitto_new = false;

}  // namespace

// Stands before the C library's for the whole program, and is the same as that one except inside
// new_client(), where libmosquitto takes its failure for what it is to us: fine.
extern "C" int socketpair(int domain, int type, int protocol, int descriptors[2]) noexcept {
  if (inside_mosquitto_new) {
    errno = EMFILE;
    return -1;
  }
  return static_cast<int>(syscall(SYS_socketpair, domain, type, protocol, descriptors));
}

namespace hubward::platform {

ClientHandle new_client(const std::string& client_id, bool clean_session, void* self) {
  inside_mosquitto_new = true;
  ClientHandle client(mosquitto_new(client_id.c_str(), clean_session, self));
  inside_mosquitto_new = false;
  return client;
}

}  // namespace hubward::platform
