// Which rows of one device wait, in its order: what lets the store count, drop, expire, fetch and
// release without asking the disk. 24 bytes a row; the file's own tables have no second index, so
// that an append writes the end of one table only, however many devices there are.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <optional>

#include "gateway/outbox/row_entry.h"

namespace hubward::outbox {

// Appending, and taking out at either end, cost the same however many rows there are; finding a row
// and taking it out of the middle cost little more. So a device may have a million.
class RowIndex {
 public:
  void add(const RowEntry& entry);  // rows come in ascending order
  // Takes it out, if it is there.
  std::optional<RowEntry> remove(EpochIndex epoch, std::uint64_t sequence);
  std::optional<RowEntry> remove_row(RowId row);
  [[nodiscard]] const RowEntry* find(RowId row) const;  // null: not there

  [[nodiscard]] std::size_t size() const { return entries_.size() - holes_; }
  [[nodiscard]] std::size_t size(Priority priority) const {
    return sizes_[static_cast<std::size_t>(priority)];
  }
  [[nodiscard]] bool empty() const { return size() == 0; }
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
  // Only while it is not empty.
  [[nodiscard]] const RowEntry& oldest() const { return entries_.front(); }
  [[nodiscard]] const RowEntry& newest() const { return entries_.back(); }

  // Places run from 0 to places(); at some of them, rows were taken out (RowEntry::is_hole()).
  [[nodiscard]] std::size_t places() const { return entries_.size(); }
  [[nodiscard]] const RowEntry& at(std::size_t place) const { return entries_[place]; }
  // The first place behind {epoch, sequence}, which itself need not be there any more.
  [[nodiscard]] std::size_t behind(EpochIndex epoch, std::uint64_t sequence) const;
  [[nodiscard]] std::size_t behind_row(RowId row) const;
  // The oldest row of this priority behind `row`. Null: none.
  [[nodiscard]] const RowEntry* next_of(Priority priority, RowId row) const;

 private:
  [[nodiscard]] std::size_t find_row(RowId row) const;  // places(): not there
  RowEntry take(std::size_t place);

  std::deque<RowEntry> entries_;  // never begins or ends with a hole
  std::size_t holes_ = 0;
  std::array<std::size_t, 3> sizes_{};  // by priority
  std::uint64_t bytes_ = 0;
};

}  // namespace hubward::outbox
