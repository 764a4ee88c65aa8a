// The CONNECT to the Device Provisioning Service.
// Example of a user name: 0ne00AB12CD/registrations/press-line-07/api-version=2019-03-31
// (unlike a hub's it has no `?`). Source: "Communicate with DPS using the MQTT protocol".
#pragma once

#include <chrono>
#include <string_view>

#include "proto/connect_fields.h"
#include "proto/result.h"

namespace hubward::dps {

inline constexpr std::string_view kPublicHost = "global.azure-devices-provisioning.net";
inline constexpr std::string_view kDpsApiVersion = "2019-03-31";  // the documented MQTT value

// A conversation lasts seconds, rarely two minutes; the token and the keep-alive cover that.
inline constexpr std::chrono::minutes kDpsTokenLife{40};
inline constexpr std::chrono::seconds kDpsKeepAlive{30};

// `agent` names this program ("hubward/0.1") or is empty. DPS keeps no session: clean session 1.
[[nodiscard]] ConnectFields dps_connect(std::string_view id_scope, std::string_view registration_id,
                                        std::string_view agent);

// The spelling that every part of Azure takes: 1 to 64 of a-z, 0-9 and `-`, beginning and ending
// with a letter or digit. DPS itself ignores case, IoT Central refuses `.`, `_` and `:`, and
// certificates end at 64. Error ConfigInvalid, with what is wrong in words for people.
[[nodiscard]] Status check_registration_id(std::string_view registration_id);

}  // namespace hubward::dps
