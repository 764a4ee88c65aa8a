// What an MQTT 3.1.1 CONNECT to DPS or to a hub carries besides the address and the password (a
// token that is made afresh for each attempt).
#pragma once

#include <chrono>
#include <string>

namespace hubward {

struct ConnectFields {
  std::string client_id;
  std::string user_name;
  bool clean_session = false;
  std::chrono::seconds keep_alive{0};
};

}  // namespace hubward
