#include "gateway/outbox/row_entry.h"

#include <algorithm>
#include <cassert>
#include <limits>

namespace hubward::outbox {
namespace {

using std::chrono::seconds;

// Sixteen seconds are nothing to an age limit, and 24 bits of them are eight years.
constexpr std::int64_t kBootStepSeconds = 16;
constexpr std::int64_t kBootStepsMax = (1LL << 24U) - 1;

std::uint32_t clamp32(std::int64_t value) {
  constexpr std::int64_t kMax = std::numeric_limits<std::uint32_t>::max();
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(value, 0, kMax));
}

// Rounded up, so that no row is taken for older than it is.
std::uint64_t boot_steps(std::chrono::nanoseconds since_boot) {
  const std::int64_t whole = std::chrono::ceil<seconds>(since_boot).count();
  return static_cast<std::uint64_t>(std::clamp<std::int64_t>(
      (whole + kBootStepSeconds - 1) / kBootStepSeconds, 0, kBootStepsMax));
}

}  // namespace

RowEntry::RowEntry(const Fields& fields)
    : packed_((static_cast<std::uint64_t>(fields.row) << 16U) |
              (static_cast<std::uint64_t>(fields.epoch) << 2U) |
              static_cast<std::uint64_t>(fields.priority)),
      sequence_and_boot_((fields.sequence << 24U) | boot_steps(fields.since_boot)),
      bytes_and_clock_(clamp32(static_cast<std::int64_t>(
          std::min(fields.bytes, kRowBytesMax) << 2U | static_cast<std::uint64_t>(fields.clock)))),
      created_seconds_(
          clamp32(std::chrono::floor<seconds>(fields.created.time_since_epoch()).count())) {
  // One more bit would make it another row; see OutboxStore::may_begin_epoch().
  assert(fields.epoch <= kEpochsMax);
}

std::optional<seconds> RowEntry::age(const ClockReading& now) const {
  switch (clock()) {
    case RowClock::SinceBoot: {
      const auto steps = static_cast<std::int64_t>(sequence_and_boot_ & 0xFFFFFFU);
      return std::chrono::floor<seconds>(now.steady.time_since_epoch()) -
             seconds{steps * kBootStepSeconds};
    }
    case RowClock::Wall:
      if (!now.wall_is_trusted) return std::nullopt;
      // The second in which it was made counts as over.
      return std::chrono::floor<seconds>(now.wall.time_since_epoch()) -
             seconds{std::int64_t{created_seconds_} + 1};
    case RowClock::None:
      break;
  }
  return std::nullopt;
}

}  // namespace hubward::outbox
