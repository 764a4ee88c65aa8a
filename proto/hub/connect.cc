#include "proto/hub/connect.h"

#include "proto/percent.h"

namespace hubward::hub {

ConnectFields hub_connect(std::string_view host, std::string_view device_id, std::string_view agent,
                          std::string_view model_id) {
  std::string user_name(host);
  user_name.append("/").append(device_id).append("/?api-version=").append(kHubApiVersion);
  if (!agent.empty()) user_name += "&DeviceClientType=" + percent_encode(agent);
  if (!model_id.empty()) user_name += "&model-id=" + percent_encode(model_id);
  return {std::string(device_id), std::move(user_name), false, kHubKeepAlive};
}

std::vector<TopicSubscription> hub_subscriptions(std::string_view device_id) {
  return {{"devices/" + std::string(device_id) + "/messages/devicebound/#", 1},
          {std::string(kMethodsFilter), 0},
          {"$iothub/twin/res/#", 0},
          {"$iothub/twin/PATCH/properties/desired/#", 0}};
}

}  // namespace hubward::hub
