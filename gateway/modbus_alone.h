// `hubward read`, `write` and `scan` while no gateway runs: a connection of their own, on a loop of
// its own.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "adapters/modbus/exchanges.h"
#include "gateway/config/site_settings.h"

namespace hubward {

// Waits for all answers; `heard` is told each as it comes.
[[nodiscard]] std::vector<Result<modbus::Answer>> exchange_alone(
    const modbus::Attachment& attachment, const std::vector<modbus::Ask>& asks,
    std::chrono::milliseconds response_timeout, const modbus::Exchanges::Heard& heard = {});

// A write to a tag of a Modbus device, with all that its configuration says, as the running gateway
// would do it; a pulse is ended before it returns. `request` and the answer are those of the
// control socket's "write".
[[nodiscard]] std::string write_alone(const config::SiteSettings& site, const std::string& request);

}  // namespace hubward
