// What a hub sends to a device, told apart by topic:
//   $iothub/methods/POST/hydraulics*setPressure/?$rid=7a             body: the command's argument
//   $iothub/twin/res/200/?$rid=g1          $iothub/twin/res/204/?$rid=r2&$version=8
//   $iothub/twin/PATCH/properties/desired/?$version=13               body: the changed properties
//   devices/press-line-07/messages/devicebound/%24.mid=c1&method-name=reboot
// Source: Azure IoT Hub, "Communicate using the MQTT protocol".
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "proto/percent.h"
#include "proto/result.h"

namespace hubward::hub {

struct DirectMethodRequest {
  std::string name;       // as the hub wrote it, "component*command" or "command"
  std::string component;  // empty for the root component
  std::string command;
  std::string rid;  // verbatim: it goes back unchanged in the response's topic
};

struct TwinResponse {
  int status = 0;                       // HTTP-like; 2xx is success
  std::string rid;                      // ours
  std::optional<std::int64_t> version;  // of the reported properties after a report
};

struct DesiredPatch {
  std::int64_t version = 0;
};

struct CloudToDevice {
  std::vector<BagPair> properties;  // system properties ("$.mid") and the sender's own, decoded

  [[nodiscard]] std::optional<std::string_view> property(std::string_view name) const;
  // IoT Central's command for an offline device ("method-name"); no response is possible.
  [[nodiscard]] std::optional<std::string_view> offline_command() const {
    return property("method-name");
  }
};

struct NotMine {};  // a topic of nobody here: count it, drop it

using Inbound =
    std::variant<NotMine, DirectMethodRequest, TwinResponse, DesiredPatch, CloudToDevice>;

// Malformed or LimitExceeded for a topic with one of the prefixes above and something wrong after
// it.
[[nodiscard]] Result<Inbound> parse_inbound(std::string_view device_id, std::string_view topic);

// "component*command" apart; without `*` the component is empty.
struct CommandName {
  std::string_view component, command;
};
[[nodiscard]] CommandName split_command_name(std::string_view name);

}  // namespace hubward::hub
