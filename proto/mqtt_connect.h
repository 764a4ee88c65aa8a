// What an MQTT 3.1.1 CONNECT to DPS or to a hub carries besides the password (a token that is made
// afresh for each attempt) and the address.
#pragma once

#include <chrono>
#include <string>

namespace hubward {

struct MqttConnect {
  std::string client_id;
  std::string user_name;
  bool clean_session = false;
  std::chrono::seconds keep_alive{0};
};

struct MqttSubscription {
  std::string topic_filter;
  int qos = 0;  // 0 or 1; neither DPS nor a hub grants 2
};

}  // namespace hubward
