#include "gateway/outbox/memory_rows.h"

#include <utility>

namespace hubward::outbox {

void MemoryRows::add(RowId row, MemoryRow what) {
  bytes_ += what.bytes;
  by_priority_[static_cast<std::size_t>(what.message.priority)].insert(row);
  rows_.emplace(row, std::move(what));
}

const MemoryRow* MemoryRows::find(RowId row) const {
  // Nearly always there is nothing here.
  if (rows_.empty()) return nullptr;
  const auto at = rows_.find(row);
  return at == rows_.end() ? nullptr : &at->second;
}

std::optional<MemoryRow> MemoryRows::take(RowId row) {
  const auto at = rows_.find(row);
  if (at == rows_.end()) return std::nullopt;
  MemoryRow taken = std::move(at->second);
  rows_.erase(at);
  by_priority_[static_cast<std::size_t>(taken.message.priority)].erase(row);
  bytes_ -= taken.bytes;
  return taken;
}

std::optional<RowId> MemoryRows::first_to_go() const {
  for (const auto& rows : by_priority_) {
    if (!rows.empty()) return *rows.begin();
  }
  return std::nullopt;
}

}  // namespace hubward::outbox
