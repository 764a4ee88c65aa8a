// Which rows of one device wait, in its order: what lets the store count, drop, fetch and release
// without asking the disk. 24 bytes a row; the file's own tables have no second index, so that an
// append writes the end of one table only, however many devices there are.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>

#include "gateway/api/outbox.h"

namespace hubward::outbox {

using RowId = std::int64_t;
// Place in the store's list of epochs, oldest first.
using EpochIndex = std::uint16_t;
inline constexpr EpochIndex kEpochsMax = 0x3FFF;  // what a RowEntry has room for

class RowEntry {
 public:
  struct Fields {
    RowId row = 0;
    EpochIndex epoch = 0;
    std::uint64_t sequence = 0;
    Priority priority = Priority::Normal;
    std::uint64_t bytes = 0;
    WallTime created;
  };
  explicit RowEntry(const Fields& fields);

  [[nodiscard]] RowId row() const { return static_cast<RowId>(packed_ >> 16U); }
  [[nodiscard]] EpochIndex epoch() const {
    return static_cast<EpochIndex>((packed_ >> 2U) & 0x3FFFU);
  }
  [[nodiscard]] Priority priority() const { return static_cast<Priority>(packed_ & 3U); }
  [[nodiscard]] std::uint64_t sequence() const { return sequence_; }
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
  // To the second.
  [[nodiscard]] WallTime created() const {
    return WallTime{std::chrono::seconds{created_seconds_}};
  }

 private:
  std::uint64_t packed_;  // row (48 bits: 8,000 years at 1,000 rows a second), epoch, priority
  std::uint64_t sequence_;
  std::uint32_t bytes_;
  std::uint32_t created_seconds_;  // since 1970
};
static_assert(sizeof(RowEntry) == 24);

class RowIndex {
 public:
  void add(RowEntry entry);  // rows come in ascending order
  // Takes it out, if it is there.
  std::optional<RowEntry> remove(EpochIndex epoch, std::uint64_t sequence);
  std::optional<RowEntry> remove_row(RowId row);
  [[nodiscard]] bool contains_row(RowId row) const;

  // Place of the first entry behind {epoch, sequence}, which itself need not be there any more.
  [[nodiscard]] std::size_t behind(EpochIndex epoch, std::uint64_t sequence) const;
  [[nodiscard]] const RowEntry& at(std::size_t place) const { return entries_[place]; }
  [[nodiscard]] std::size_t size() const { return entries_.size(); }
  [[nodiscard]] bool empty() const { return entries_.empty(); }
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }

 private:
  std::optional<RowEntry> take(std::deque<RowEntry>::iterator at);
  std::deque<RowEntry> entries_;
  std::uint64_t bytes_ = 0;
};

}  // namespace hubward::outbox
