// Messages that the disk did not take: kept in memory until it does, in the order in which they
// came, with the ids they will have in the file. The store bounds them. One thread at a time.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "gateway/outbox/row_entry.h"
#include "gateway/outbox/store_types.h"

namespace hubward::outbox {

struct MemoryRow {
  StoreDevice device;
  std::string epoch;
  std::uint64_t sequence = 0;
  std::uint64_t bytes = 0;  // as charged
  OutboxMessage message;
};

class MemoryRows {
 public:
  void add(RowId row, MemoryRow what);
  [[nodiscard]] const MemoryRow* find(RowId row) const;
  std::optional<MemoryRow> take(RowId row);
  // Oldest row of the lowest priority; nothing if there are none.
  [[nodiscard]] std::optional<RowId> first_to_go() const;

  [[nodiscard]] bool empty() const { return rows_.empty(); }
  [[nodiscard]] std::size_t size() const { return rows_.size(); }
  [[nodiscard]] std::uint64_t bytes() const { return bytes_; }
  [[nodiscard]] const std::map<RowId, MemoryRow>& rows() const { return rows_; }

 private:
  std::map<RowId, MemoryRow> rows_;
  std::array<std::set<RowId>, 3> by_priority_;
  std::uint64_t bytes_ = 0;
};

}  // namespace hubward::outbox
