#include "gateway/outbox/row_index.h"

#include <algorithm>
#include <tuple>

namespace hubward::outbox {
namespace {

// Fewer holes than this are not worth the copying.
constexpr std::size_t kHolesKept = 1024;

}  // namespace

void RowIndex::add(const RowEntry& entry) {
  bytes_ += entry.bytes();
  ++sizes_[static_cast<std::size_t>(entry.priority())];
  entries_.push_back(entry);
}

std::size_t RowIndex::behind(EpochIndex epoch, std::uint64_t sequence) const {
  const auto found = std::upper_bound(entries_.begin(), entries_.end(), std::tuple{epoch, sequence},
                                      [](const auto& key, const RowEntry& entry) {
                                        return key < std::tuple{entry.epoch(), entry.sequence()};
                                      });
  return static_cast<std::size_t>(found - entries_.begin());
}

std::size_t RowIndex::behind_row(RowId row) const {
  const auto found =
      std::upper_bound(entries_.begin(), entries_.end(), row,
                       [](RowId wanted, const RowEntry& entry) { return wanted < entry.row(); });
  return static_cast<std::size_t>(found - entries_.begin());
}

std::size_t RowIndex::find_row(RowId row) const {
  const std::size_t next = behind_row(row);
  if (next == 0 || entries_[next - 1].row() != row || entries_[next - 1].is_hole()) {
    return entries_.size();
  }
  return next - 1;
}

const RowEntry* RowIndex::find(RowId row) const {
  const std::size_t place = find_row(row);
  return place == entries_.size() ? nullptr : &entries_[place];
}

const RowEntry* RowIndex::next_of(Priority priority, RowId row) const {
  if (size(priority) == 0) return nullptr;
  for (std::size_t place = behind_row(row); place < entries_.size(); ++place) {
    const RowEntry& entry = entries_[place];
    if (!entry.is_hole() && entry.priority() == priority) return &entry;
  }
  return nullptr;
}

RowEntry RowIndex::take(std::size_t place) {
  const RowEntry entry = entries_[place];
  bytes_ -= entry.bytes();
  --sizes_[static_cast<std::size_t>(entry.priority())];
  entries_[place].make_hole();
  ++holes_;
  for (; !entries_.empty() && entries_.front().is_hole(); --holes_) entries_.pop_front();
  for (; !entries_.empty() && entries_.back().is_hole(); --holes_) entries_.pop_back();
  if (holes_ > kHolesKept && holes_ > entries_.size() / 2) {
    std::erase_if(entries_, [](const RowEntry& one) { return one.is_hole(); });
    holes_ = 0;
  }
  return entry;
}

std::optional<RowEntry> RowIndex::remove(EpochIndex epoch, std::uint64_t sequence) {
  const std::size_t next = behind(epoch, sequence);
  if (next == 0) return std::nullopt;
  const RowEntry& entry = entries_[next - 1];
  if (entry.epoch() != epoch || entry.sequence() != sequence || entry.is_hole()) {
    return std::nullopt;
  }
  return take(next - 1);
}

std::optional<RowEntry> RowIndex::remove_row(RowId row) {
  const std::size_t place = find_row(row);
  if (place == entries_.size()) return std::nullopt;
  return take(place);
}

}  // namespace hubward::outbox
