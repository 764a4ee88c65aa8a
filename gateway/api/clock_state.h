// What is known about this computer's clock: for the page, the status and the log.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

namespace hubward {

enum class ClockTrust : std::uint8_t {
  Wrong,         // before a time that has surely passed, or the cloud shows quite another one
  HeldOver,      // credible, but no time service keeps it: usual in a plant without internet
  Synchronised,  // a time service keeps it
};

struct ClockState {
  ClockTrust trust = ClockTrust::HeldOver;
  // While it is wrong: how, in words for the middle of a sentence, as "this computer's clock is
  // 3 h 2 min behind the cloud's". Else empty.
  std::string why;
  // The cloud's clock minus ours, as far as the cloud has told.
  std::optional<std::chrono::seconds> cloud_ahead;
  std::uint64_t times_set = 0;  // since the start of this run
  friend bool operator==(const ClockState&, const ClockState&) = default;
};

}  // namespace hubward
