// Device-to-cloud messages: the topic that carries their properties, and their size.
// Example:
//   devices/press-line-07/messages/events/%24.mid=a91f-17&%24.ct=application%2Fjson&%24.ce=utf-8
//   &%24.sub=hydraulics&%24.ctime=2026-01-05T08%3A00%3A00.125Z&site=hall2
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proto/result.h"
#include "proto/time.h"

namespace hubward::hub {

// Body, values of system properties, names and values of user properties together.
// Source: Azure IoT Hub, "Create and read IoT Hub messages".
inline constexpr std::size_t kMaxMessageBytes = std::size_t{256} * 1024;
inline constexpr std::size_t kMaxMessageIdLength = 128;
// An MQTT topic's length is sent in 16 bits.
inline constexpr std::size_t kMaxTopicBytes = 65535;

struct TelemetryProperties {
  std::string message_id;                              // $.mid, the id for life; empty = not sent
  std::string_view content_type = "application/json";  // $.ct; empty = not sent
  std::string_view content_encoding = "utf-8";         // $.ce; empty = not sent
  std::string component;                               // $.sub; empty = the root component
  std::optional<WallTime> created_at;                  // $.ctime
  std::vector<std::pair<std::string, std::string>> user;  // in this order
};

// The size that the hub counts.
[[nodiscard]] std::size_t message_size(const TelemetryProperties& properties,
                                       std::size_t body_bytes);

// BadValue: a message id over 128 characters, a user property without a name or with one that
// begins with `$`. MessageTooLarge: the message or its topic is over its limit.
[[nodiscard]] Result<std::string> telemetry_topic(std::string_view device_id,
                                                  const TelemetryProperties& properties,
                                                  std::size_t body_bytes);

}  // namespace hubward::hub
