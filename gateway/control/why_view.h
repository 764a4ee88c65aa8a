#pragma once

#include <optional>
#include <string>

#include "gateway/observe/path_book.h"
#include "gateway/observe/status_board.h"
#include "gateway/observe/why.h"

namespace hubward::control {

// "hub:port" as a status names it; nothing: none, or not a host name.
[[nodiscard]] std::optional<observe::CloudHost> cloud_host(const std::string& assigned_hub);

// What is known of one device and of the ways to its hosts. Any thread.
[[nodiscard]] observe::WhyFacts known_facts(const DeviceDescription& device,
                                            const DeviceStatus& status,
                                            const observe::PathBook& paths,
                                            const observe::CloudHost& dps, const Clock& clock);

// For the page, which has no password: observe::why_json of what is known, at once. The ways to the
// hosts are looked at again where that is due; nobody is logged in and DPS is not asked. Any
// thread. `device` is one of the board's.
[[nodiscard]] std::string why_view(const observe::StatusBoard& board, observe::PathBook& paths,
                                   const observe::CloudHost& dps, DeviceIndex device);

}  // namespace hubward::control
