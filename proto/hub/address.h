// Where a hub lives, as DPS names it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "proto/result.h"

namespace hubward::hub {

// MQTT over TLS. Source: Azure IoT Hub, "Communicate using the MQTT protocol".
inline constexpr std::uint16_t kMqttTlsPort = 8883;

// The port is for the socket only: tokens, user name, server name indication and certificate check
// use the bare host.
struct HubAddress {
  std::string host;  // DNS name or IPv4 address, in the case it was given
  std::uint16_t port = kMqttTlsPort;

  // `host` or `host:port`. Malformed for anything that is not a host name (letters, digits, `-`,
  // `.`, at most 253 characters) or a port 1 to 65535.
  [[nodiscard]] static Result<HubAddress> parse(std::string_view text);
  [[nodiscard]] std::string to_text() const;  // without `:8883`
  bool operator==(const HubAddress&) const = default;
};

// A device id that this gateway can use in topics and user names: 1 to 128 printable ASCII
// characters, none of `/ + # % & ?` nor a space. (A hub allows some of these; they are hazards.)
[[nodiscard]] Status check_device_id(std::string_view device_id);

}  // namespace hubward::hub
