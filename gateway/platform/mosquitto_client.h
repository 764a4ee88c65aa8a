#pragma once

#include <mosquitto.h>

#include <memory>
#include <string>

namespace hubward::platform {

struct DestroyClient {
  void operator()(mosquitto* client) const { mosquitto_destroy(client); }
};
using ClientHandle = std::unique_ptr<mosquitto, DestroyClient>;

// mosquitto_new() without the socket pair that libmosquitto 2.0.11 opens for every client to wake
// its own select() loop. We have none: the pair would only take two descriptors a link, cost a
// system call a publish, and fill up with 200 kB of kernel memory a link that nobody ever reads.
[[nodiscard]] ClientHandle new_client(const std::string& client_id, bool clean_session, void* self);

}  // namespace hubward::platform
