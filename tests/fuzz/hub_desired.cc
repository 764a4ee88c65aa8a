// Any twin document or desired patch; what was read is reported back, which must give valid JSON.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "proto/hub/twin.h"
#include "proto/json.h"

namespace {

using namespace hubward;

void report_back(const hub::DesiredProperties& desired) {
  std::vector<hub::ReportedProperty> properties;
  for (const auto& property : desired.properties) {
    if (!json::parse(property.value)) std::abort();
    properties.push_back({property.component, property.name, property.value,
                          hub::Acknowledgement{hub::AckCode::Done, property.version, "fuzz"}});
  }
  if (const auto patch = hub::reported_patch(properties)) {
    if (patch->size() > hub::kMaxTwinBytes || !json::parse(*patch)) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view body(reinterpret_cast<const char*>(data), size);
  const std::vector<std::string> components{"hydraulics", "drive"};
  if (const auto twin = hub::parse_twin(body, components)) report_back(twin->desired);
  if (const auto patch = hub::parse_desired_patch(body, 1, components)) report_back(*patch);
  return 0;
}
