// What is known of a waiting row without reading it, in 24 bytes.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>

#include "gateway/api/outbox.h"

namespace hubward::outbox {

using RowId = std::int64_t;
// Place in the store's list of epochs, oldest first.
using EpochIndex = std::uint16_t;
inline constexpr EpochIndex kEpochsMax = 0x3FFF;                  // what a RowEntry has room for
inline constexpr std::uint64_t kSequenceMax = (1ULL << 40U) - 1;  // 34 years at 1,000 a second
inline constexpr std::uint64_t kRowBytesMax = (1ULL << 30U) - 1;

// What tells a row's age.
enum class RowClock : std::uint8_t {
  None = 0,       // made at another start of the machine by a clock nobody believed
  Wall = 1,       // made at another start of the machine by a believed clock
  SinceBoot = 2,  // made at this start of the machine: the monotonic clock tells
};

// The clocks at one moment.
struct ClockReading {
  SteadyTime steady{};  // counts from the machine's start
  WallTime wall{};
  bool wall_is_trusted = false;
};

class RowEntry {
 public:
  struct Fields {
    RowId row = 0;
    EpochIndex epoch = 0;
    std::uint64_t sequence = 0;
    Priority priority = Priority::Normal;
    std::uint64_t bytes = 0;
    WallTime created{};
    RowClock clock = RowClock::None;
    std::chrono::nanoseconds since_boot{0};
  };
  explicit RowEntry(const Fields& fields);

  [[nodiscard]] RowId row() const { return static_cast<RowId>(packed_ >> 16U); }
  [[nodiscard]] EpochIndex epoch() const {
    return static_cast<EpochIndex>((packed_ >> 2U) & 0x3FFFU);
  }
  [[nodiscard]] Priority priority() const { return static_cast<Priority>(packed_ & 3U); }
  [[nodiscard]] std::uint64_t sequence() const { return sequence_and_boot_ >> 24U; }
  [[nodiscard]] std::uint64_t bytes() const { return bytes_and_clock_ >> 2U; }
  [[nodiscard]] RowClock clock() const { return static_cast<RowClock>(bytes_and_clock_ & 3U); }
  // To the second.
  [[nodiscard]] WallTime created() const {
    return WallTime{std::chrono::seconds{created_seconds_}};
  }
  // How old it is, never too much; nothing if that cannot be known now.
  [[nodiscard]] std::optional<std::chrono::seconds> age(const ClockReading& now) const;

  // A place whose row was taken out.
  void make_hole() { packed_ |= 3U; }
  [[nodiscard]] bool is_hole() const { return (packed_ & 3U) == 3U; }

 private:
  std::uint64_t packed_;  // row (48 bits: 8,000 years at 1,000 a second), epoch, priority
  std::uint64_t sequence_and_boot_;  // sequence (40 bits), since_boot in steps of 16 s (24 bits)
  std::uint32_t bytes_and_clock_;
  std::uint32_t created_seconds_;  // since 1970
};
static_assert(sizeof(RowEntry) == 24);

}  // namespace hubward::outbox
