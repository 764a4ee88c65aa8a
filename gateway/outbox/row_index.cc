#include "gateway/outbox/row_index.h"

#include <algorithm>
#include <limits>
#include <tuple>

namespace hubward::outbox {
namespace {

std::uint32_t clamp32(std::int64_t value) {
  constexpr std::int64_t kMax = std::numeric_limits<std::uint32_t>::max();
  return static_cast<std::uint32_t>(std::clamp<std::int64_t>(value, 0, kMax));
}

}  // namespace

RowEntry::RowEntry(const Fields& fields)
    : packed_((static_cast<std::uint64_t>(fields.row) << 16U) |
              (static_cast<std::uint64_t>(fields.epoch) << 2U) |
              static_cast<std::uint64_t>(fields.priority)),
      sequence_(fields.sequence),
      bytes_(clamp32(static_cast<std::int64_t>(fields.bytes))),
      created_seconds_(clamp32(
          std::chrono::floor<std::chrono::seconds>(fields.created.time_since_epoch()).count())) {}

void RowIndex::add(RowEntry entry) {
  bytes_ += entry.bytes();
  entries_.push_back(entry);
}

std::size_t RowIndex::behind(EpochIndex epoch, std::uint64_t sequence) const {
  const auto found = std::upper_bound(entries_.begin(), entries_.end(), std::tuple{epoch, sequence},
                                      [](const auto& key, const RowEntry& entry) {
                                        return key < std::tuple{entry.epoch(), entry.sequence()};
                                      });
  return static_cast<std::size_t>(found - entries_.begin());
}

std::optional<RowEntry> RowIndex::take(std::deque<RowEntry>::iterator at) {  // NOLINT: an iterator
  const RowEntry entry = *at;
  bytes_ -= entry.bytes();
  entries_.erase(at);
  return entry;
}

std::optional<RowEntry> RowIndex::remove(EpochIndex epoch, std::uint64_t sequence) {
  const std::size_t next = behind(epoch, sequence);
  if (next == 0) return std::nullopt;
  const auto at = entries_.begin() + static_cast<std::ptrdiff_t>(next - 1);
  if (at->epoch() != epoch || at->sequence() != sequence) return std::nullopt;
  return take(at);
}

std::optional<RowEntry> RowIndex::remove_row(RowId row) {
  const auto at =
      std::lower_bound(entries_.begin(), entries_.end(), row,
                       [](const RowEntry& entry, RowId wanted) { return entry.row() < wanted; });
  if (at == entries_.end() || at->row() != row) return std::nullopt;
  return take(at);
}

bool RowIndex::contains_row(RowId row) const {
  const auto at =
      std::lower_bound(entries_.begin(), entries_.end(), row,
                       [](const RowEntry& entry, RowId wanted) { return entry.row() < wanted; });
  return at != entries_.end() && at->row() == row;
}

}  // namespace hubward::outbox
