// The two kinds of time hubward knows. Nothing here or below reads a clock: time is passed in.
#pragma once

#include <chrono>

namespace hubward {

// Intervals, deadlines and back-off. Never steps.
using SteadyTime = std::chrono::time_point<std::chrono::steady_clock, std::chrono::nanoseconds>;

// What people read and what tokens expire by. May step when somebody sets the clock.
using WallTime = std::chrono::time_point<std::chrono::system_clock, std::chrono::milliseconds>;

}  // namespace hubward
