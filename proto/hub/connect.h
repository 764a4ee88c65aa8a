// The CONNECT to an IoT Hub and the subscriptions after it.
// Example of a user name:
//   iotc-7f3a.azure-devices.net/press-line-07/?api-version=2021-04-12&DeviceClientType=hubward%2F0.1
//   &model-id=dtmi%3Aacme%3APress%3B3
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "proto/connect_fields.h"

namespace hubward::hub {

// Documented for MQTT; `model-id` needs 2020-09-30 or newer.
inline constexpr std::string_view kHubApiVersion = "2021-04-12";

// The hub closes a link after 1.5 times this without traffic and takes at most 1177 s. Firewalls
// and NAT tables often forget a silent link after 240 s, and a dead hub should be noticed within
// minutes.
inline constexpr std::chrono::seconds kHubKeepAlive{120};

// Direct methods. To a device without this subscription the hub passes none: it tells the caller at
// once (404103), also while the device is connected.
inline constexpr std::string_view kMethodsFilter = "$iothub/methods/POST/#";

struct TopicSubscription {
  std::string topic_filter;
  int qos = 0;  // 0 or 1; a hub grants no more
};

// `host` is the bare host, `agent` names this program ("hubward/0.1"), `model_id` is a DTMI or
// empty. The session is persistent (clean session 0), so that commands queued by the cloud survive
// drops.
[[nodiscard]] ConnectFields hub_connect(std::string_view host, std::string_view device_id,
                                        std::string_view agent, std::string_view model_id);

// Cloud-to-device messages (QoS 1), direct methods, twin replies, desired properties: 4 of the 5
// subscriptions that a hub allows.
[[nodiscard]] std::vector<TopicSubscription> hub_subscriptions(std::string_view device_id);

}  // namespace hubward::hub
