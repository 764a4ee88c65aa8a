#pragma once

#include <map>
#include <optional>
#include <string>

#include "gateway/cli/colour.h"
#include "gateway/config/site_settings.h"

namespace hubward::cli {

// How long devices take to answer, as the running gateway measured it.
using Turnarounds = std::map<std::string, std::chrono::nanoseconds>;  // by the device's id

// {"lines": [{"devices": [{"id", "turnaround_us"}]}]} in the gateway's status; empty for anything
// else.
[[nodiscard]] Turnarounds turnarounds_in(const std::string& status_json);

// What the device is asked, how long that takes, and what all devices of its line need together.
// Nothing for a device that is not there or is not polled over Modbus.
[[nodiscard]] std::optional<std::string> plan_text(const config::SiteSettings& site,
                                                   const std::string& device,
                                                   const Turnarounds& measured, const Paint& paint);

}  // namespace hubward::cli
