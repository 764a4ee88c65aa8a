// `hubward read`, `write` and `scan`: a connection of their own, on a loop of its own.
#pragma once

#include <chrono>
#include <vector>

#include "adapters/modbus/exchanges.h"

namespace hubward {

// Waits for all answers.
[[nodiscard]] std::vector<Result<modbus::Answer>> exchange_alone(
    const modbus::Attachment& attachment, const std::vector<modbus::Ask>& asks,
    std::chrono::milliseconds response_timeout);

}  // namespace hubward
