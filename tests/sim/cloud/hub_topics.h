// Topics of a hub, as the service reads them (reference sections 3.5 to 3.8).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace hubward::simcloud {

constexpr std::string_view kMethodFilter = "$iothub/methods/POST/#";
constexpr std::string_view kTwinAnswerFilter = "$iothub/twin/res/#";
constexpr std::string_view kDesiredFilter = "$iothub/twin/PATCH/properties/desired/#";
constexpr std::string_view kMethodAnswer = "$iothub/methods/res/";
constexpr std::string_view kTwinGet = "$iothub/twin/GET/?";
constexpr std::string_view kTwinReport = "$iothub/twin/PATCH/properties/reported/?";

[[nodiscard]] std::string c2d_filter(std::string_view device_id);
// One of the filters a device may subscribe to, or a narrower form of one.
[[nodiscard]] bool is_device_filter(std::string_view filter, std::string_view device_id);

// "devices/{id}/messages/events/" with an optional bag of properties.
struct TelemetryTopic {
  std::string bag;                 // as on the wire, without a trailing slash
  std::string message_id;          // $.mid, decoded; empty if there is none
  std::size_t property_bytes = 0;  // what the bag adds to the message's size
  // Nothing if it is another topic, or the bag is not a property bag.
  static std::optional<TelemetryTopic> parse(std::string_view topic, std::string_view device_id);
};

}  // namespace hubward::simcloud
