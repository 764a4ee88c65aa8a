#pragma once

#include <chrono>
#include <functional>

#include "gateway/platform/asio_loop.h"

namespace hubward::test {

// Runs `loop` on this thread until `done()` is true, looked at every few milliseconds. False: it
// was not within `deadline`, which is long because a build machine may be busy.
[[nodiscard]] bool run_until(platform::AsioLoop& loop, const std::function<bool()>& done,
                             std::chrono::seconds deadline = std::chrono::seconds{20});

}  // namespace hubward::test
