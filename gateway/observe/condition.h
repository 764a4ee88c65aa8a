// What one device's status means, in words: for the page, `hubward status` and the site sentence.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/observe/status_board.h"

namespace hubward::observe {

enum class Severity : std::uint8_t {
  Normal,   // delivering
  Busy,     // on its way up, nothing has gone wrong
  Warning,  // something is wrong and hubward works on it
  Alarm,    // somebody has to do something
};
[[nodiscard]] std::string_view severity_word(Severity severity);

struct Condition {
  Severity severity = Severity::Busy;
  bool delivering = false;  // readings of it reach the hub
  std::string state;        // three to eight words: "Delivering to hub-a"
  WallTime since;
  // For anything that has gone wrong:
  std::optional<ErrorCode> failure;
  std::string reason;        // what it means, one sentence
  std::string detail;        // host, codes; from the wire, made printable
  std::string gateway_does;  // next step hubward takes
  std::string person_does;   // empty: nothing needed
  std::optional<WallTime> next_attempt;
};

// No new reading for five of the tag's usual gaps, but never for less than this, counts as silence.
inline constexpr std::chrono::seconds kSilenceMin{60};
// The same for a tag that was read once only, so that its usual gap is not known yet.
inline constexpr std::chrono::minutes kSilenceUnknown{15};
// Messages wait, the link stands, and nothing has been acknowledged for this long.
inline constexpr std::chrono::seconds kAckPauseMax{60};

[[nodiscard]] Condition condition_of(const DeviceView& view, WallTime now);

enum class StageState : std::uint8_t {
  Ok,
  Waiting,  // nothing wrong here: it waits for an earlier or later stage
  Partly,   // works, with losses
  Stopped,  // here it stops
  Unknown,  // nothing known yet
};
[[nodiscard]] std::string_view stage_word(StageState state);

struct Stage {
  std::string_view name;
  StageState state = StageState::Unknown;
  std::string text;            // may be empty: then `at` says enough
  std::optional<WallTime> at;  // when something last passed here
};

// The path of a reading, to show at which place it stops: equipment, reading, stored, sent,
// acknowledged.
[[nodiscard]] std::array<Stage, 5> stages_of(const DeviceView& view, WallTime now);

// "hub-a" for "hub-a.azure-devices.net:8883"; other names and addresses as they are.
[[nodiscard]] std::string short_hub(std::string_view assigned_hub);

// Enough came that could not be used, and nothing that could: it is no accident.
[[nodiscard]] bool is_useless(const UselessInput& input, WallTime now);
// "60 messages were dropped, and no value has come."
[[nodiscard]] std::string useless_words(const UselessInput& input);

// A command: nothing is missing if it has no value.
[[nodiscard]] bool is_only_written(const DeviceView& view, std::size_t tag);

// A tag whose value is too old to be believed.
[[nodiscard]] bool is_stale(const DeviceView& view, std::size_t tag, WallTime now);

}  // namespace hubward::observe
