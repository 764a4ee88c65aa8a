// Any topic from a hub, and a round trip of what it carries through our own telemetry topic.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "proto/hub/inbound.h"
#include "proto/hub/methods.h"
#include "proto/hub/telemetry.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hubward;
  const std::string_view topic(reinterpret_cast<const char*>(data), size);
  const auto inbound = hub::parse_inbound("press-line-07", topic);
  if (!inbound) return 0;
  if (const auto* message = std::get_if<hub::CloudToDevice>(&*inbound)) {
    hub::TelemetryProperties properties;
    properties.content_type = {};
    properties.content_encoding = {};
    for (const auto& pair : message->properties) {
      properties.user.emplace_back(pair.key, pair.value.value_or(""));
    }
    const auto telemetry = hub::telemetry_topic("press-line-07", properties, 0);
    if (!telemetry) return 0;
    constexpr std::string_view kPrefix = "devices/press-line-07/messages/events/";
    const auto again = parse_bag(std::string_view(*telemetry).substr(kPrefix.size()));
    if (!again || again->size() != properties.user.size()) std::abort();
    for (std::size_t i = 0; i < again->size(); ++i) {
      if ((*again)[i].key != properties.user[i].first) std::abort();
      if ((*again)[i].value != properties.user[i].second) std::abort();
    }
  }
  if (const auto* method = std::get_if<hub::DirectMethodRequest>(&*inbound)) {
    if (method->rid.empty() || method->rid.size() > 256) std::abort();
  }
  return 0;
}
