#include "gateway/control/why_view.h"

#include "proto/hub/address.h"

namespace hubward::control {

std::optional<observe::CloudHost> cloud_host(const std::string& assigned_hub) {
  const auto address = hub::HubAddress::parse(assigned_hub);
  if (!address) return std::nullopt;
  return observe::CloudHost{address->host, address->port};
}

observe::WhyFacts known_facts(const DeviceDescription& device, const DeviceStatus& status,
                              const observe::PathBook& paths, const observe::CloudHost& dps,
                              const Clock& clock) {
  observe::WhyFacts facts;
  facts.now = clock.wall();
  facts.clock_trusted = clock.wall_is_trusted();
  facts.device_id = device.id;
  facts.device_name = device.display_name;
  facts.dps = dps;
  facts.hub = cloud_host(status.assigned_hub);
  facts.dps_path = paths.latest(dps.host, dps.port);
  if (facts.hub) facts.hub_path = paths.latest(facts.hub->host, facts.hub->port);
  facts.status = status;
  return facts;
}

std::string why_view(const observe::StatusBoard& board, observe::PathBook& paths,
                     const observe::CloudHost& dps, DeviceIndex device) {
  const auto view = board.device_view(device);
  if (!view) return "{}";
  const auto facts =
      known_facts(board.site().devices[device.value], view->status, paths, dps, board.clock());
  paths.want(dps.host, dps.port);
  bool looking = paths.is_looking(dps.host, dps.port);
  if (facts.hub) {
    paths.want(facts.hub->host, facts.hub->port);
    looking = looking || paths.is_looking(facts.hub->host, facts.hub->port);
  }
  return observe::why_json(observe::why(facts), looking);
}

}  // namespace hubward::control
