#include "gateway/web/listen_address.h"

#include <netdb.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <system_error>

namespace hubward::web {

Result<Address> numeric_address(const std::string& text, std::uint16_t port) {
  addrinfo hints{};
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV | AI_PASSIVE;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (getaddrinfo(text.c_str(), std::to_string(port).c_str(), &hints, &found) != 0) {
    return failure(ErrorCode::ConfigInvalid, ErrorKind::Permanent,
                   "the page's address must be an IP address or localhost, not \"" + text + "\"");
  }
  Address address;
  std::memcpy(&address.storage, found->ai_addr, found->ai_addrlen);
  address.length = found->ai_addrlen;
  address.ipv4 = found->ai_family == AF_INET;
  freeaddrinfo(found);
  return address;
}

Status can_bind(const Address& address, const std::string& where) {
  const int fd = socket(address.storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  int error = errno;
  if (fd >= 0) {
    const int on = 1;
    (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    error = bind(fd, reinterpret_cast<const sockaddr*>(&address.storage), address.length) == 0
                ? 0
                : errno;
    close(fd);
  }
  if (error == 0) return {};
  return failure(ErrorCode::AddressInUse, ErrorKind::Permanent,
                 where + ": " + std::generic_category().message(error));
}

}  // namespace hubward::web
