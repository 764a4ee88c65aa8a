// What asking costs on a serial line: the check and the line's own account calculate here. Pure.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>

#include "adapters/serial/settings.h"

namespace hubward::serial {

// What most devices need at least before they answer.
inline constexpr std::chrono::milliseconds kLeastPauseBeforeAnswer{5};

// What a byte takes on the line. Nothing: it is behind a network, and nobody said how fast it is.
[[nodiscard]] std::optional<std::chrono::nanoseconds> byte_time(const LineSettings& line);

// The least time that a request takes, with the shortest answer that holds all values that its tags
// want, where a byte takes `byte`.
[[nodiscard]] std::chrono::nanoseconds least_exchange(const DeviceSettings& device,
                                                      std::size_t request,
                                                      std::chrono::nanoseconds byte);

}  // namespace hubward::serial
