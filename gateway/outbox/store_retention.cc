// What the store keeps: by bytes and by age, overall and of each device.
#include <sqlite3.h>

#include <algorithm>

#include "gateway/outbox/store.h"
#include "gateway/outbox/store_file.h"

namespace hubward::outbox {

std::optional<Error> OutboxStore::refusal(const NewMessage& message, std::uint64_t bytes,
                                          std::uint64_t bytes_staged) const {
  const Device& device = devices_[message.device.value];
  const std::uint64_t total = options_.limits.bytes_max;
  const std::uint64_t own = device.limits.bytes_max.value_or(total);
  if (bytes > kMessageBytesMax || bytes > total || bytes > own) {
    return Error{ErrorCode::MessageTooLarge, ErrorKind::Permanent,
                 std::to_string(message.message.body.size()) + " bytes"};
  }
  if (options_.limits.when_full == StoreLimits::WhenFull::DropOldest) return std::nullopt;
  if (bytes_ + bytes_staged + bytes > total) {
    return Error{ErrorCode::StoreFull, ErrorKind::Throttled,
                 std::to_string(total) + " bytes are waiting"};
  }
  if (device.rows.bytes() + device.staged_bytes + bytes > own) {
    return Error{ErrorCode::StoreFull, ErrorKind::Throttled,
                 std::to_string(own) + " bytes of this device are waiting"};
  }
  return std::nullopt;
}

std::uint64_t OutboxStore::bytes_over(const Staged& staged) const {
  const std::uint64_t bytes = bytes_ + staged.bytes_added - staged.bytes_dropped;
  return bytes > options_.limits.bytes_max ? bytes - options_.limits.bytes_max : 0;
}

int OutboxStore::drop_over_limits(Staged& staged) {
  // Each device first: what goes there need not go elsewhere.
  for (std::size_t i = 0; i < staged.added.size(); ++i) {
    const StoreDevice which = staged.added[i].first;
    const Device& device = devices_[which.value];
    if (!device.limits.bytes_max) continue;
    if (device.rows.bytes() + device.staged_bytes <= *device.limits.bytes_max) continue;
    const bool done = std::any_of(staged.device_cursors.begin(), staged.device_cursors.end(),
                                  [&](const auto& one) { return one.first == which.value; });
    if (done) continue;
    if (const int rc = drop_of_device(which, staged)) return rc;
  }
  return drop_oldest(staged);
}

int OutboxStore::drop_of_device(StoreDevice which, Staged& staged) {
  Device& device = devices_[which.value];
  DropCursor cursor = device.drop_cursor;
  std::uint64_t bytes = device.rows.bytes() + device.staged_bytes;
  const std::uint64_t most = *device.limits.bytes_max;
  for (std::size_t p = 0; p < kPriorities && bytes > most; ++p) {
    while (bytes > most) {
      const RowEntry* row = device.rows.next_of(static_cast<Priority>(p), cursor[p]);
      if (row == nullptr) break;
      cursor[p] = row->row();
      bytes -= row->bytes();
      if (const int rc = drop(which, row->row(), row->bytes(), staged)) return rc;
    }
    for (const auto& [owner, row] : staged.added) {
      if (bytes <= most) break;
      if (owner != which || row.priority() != static_cast<Priority>(p)) continue;
      cursor[p] = row.row();
      bytes -= row.bytes();
      if (const int rc = drop(which, row.row(), row.bytes(), staged)) return rc;
    }
  }
  staged.device_cursors.emplace_back(which.value, cursor);
  return SQLITE_OK;
}

int OutboxStore::drop(StoreDevice device, RowId row, std::uint64_t bytes, Staged& staged) {
  staged.dropped.emplace_back(device, row);
  staged.bytes_dropped += bytes;
  ++devices_[device.value].counts.dropped;
  mark_for_saving(device);
  return file_->remove(row);
}

int OutboxStore::drop_oldest(Staged& staged) {
  const std::size_t before = staged.dropped.size();
  for (std::size_t p = 0; p < kPriorities && bytes_over(staged) > 0; ++p) {
    if (waiting_[p] + staged.rows_added[p] == 0) continue;
    if (const int rc = choose_oldest(static_cast<Priority>(p), staged)) return rc;
  }
  for (std::size_t i = before; i < staged.dropped.size(); ++i) {
    if (const int rc = file_->remove(staged.dropped[i].second)) return rc;
  }
  return SQLITE_OK;
}

int OutboxStore::choose_oldest(Priority priority, Staged& staged) {
  RowId& cursor = staged.drop_cursor[static_cast<std::size_t>(priority)];
  const RowId first_added = staged.added.empty() ? next_row_ : staged.added.front().second.row();
  return file_->each_row_of(priority, cursor, [&](const FileRow& row) {
    if (bytes_over(staged) == 0) return false;
    cursor = row.row;
    const auto found = device_by_id_.find(row.device);
    if (found == device_by_id_.end()) return true;
    Device& device = devices_[found->second];
    // A row that only the file still knows was released and goes by itself.
    const RowEntry* entry = device.rows.find(row.row);
    if (row.row < first_added && entry == nullptr) return true;
    staged.dropped.emplace_back(StoreDevice{found->second}, row.row);
    staged.bytes_dropped += entry != nullptr ? entry->bytes() : row.bytes;
    ++device.counts.dropped;
    mark_for_saving(StoreDevice{found->second});
    return true;
  });
}

// --- The same while the disk takes nothing. What is on it is removed when it takes writes again.

void OutboxStore::drop_in_memory(StoreDevice which) {
  Device& device = devices_[which.value];
  const std::uint64_t own = device.limits.bytes_max.value_or(options_.limits.bytes_max);
  for (std::size_t p = 0; p < kPriorities; ++p) {
    while (device.rows.bytes() > own) {
      const RowEntry* row = device.rows.next_of(static_cast<Priority>(p), device.drop_cursor[p]);
      if (row == nullptr) break;
      device.drop_cursor[p] = row->row();
      let_go(which, row->row());
    }
  }
  for (std::size_t p = 0; p < kPriorities; ++p) {
    while (bytes_ > options_.limits.bytes_max) {
      const auto row = oldest(static_cast<Priority>(p));
      if (!row) break;
      drop_cursor_[p] = row->second;
      let_go(row->first, row->second);
    }
  }
}

// Looks at every device: the disk, which knows it at once, cannot be asked.
std::optional<std::pair<StoreDevice, RowId>> OutboxStore::oldest(Priority priority) const {
  std::optional<std::pair<StoreDevice, RowId>> found;
  const RowId behind = drop_cursor_[static_cast<std::size_t>(priority)];
  for (std::uint32_t i = 0; i < devices_.size(); ++i) {
    const RowEntry* row = devices_[i].rows.next_of(priority, behind);
    if (row != nullptr && (!found || row->row() < found->second)) {
      found.emplace(StoreDevice{i}, row->row());
    }
  }
  return found;
}

void OutboxStore::let_go(StoreDevice which, RowId row) {
  const auto gone = devices_[which.value].rows.remove_row(row);
  if (!gone) return;
  count_out(*gone);
  ++devices_[which.value].counts.dropped;
  mark_changed(which);
  mark_for_saving(which);
  if (!memory_.take(row)) to_remove_.push_back(row);
}

// --- Age

bool OutboxStore::has_age_limit() const {
  const auto& devices = options_.limits.devices;
  return options_.limits.age_max ||
         std::any_of(devices.begin(), devices.end(),
                     [](const auto& one) { return one.second.age_max.has_value(); });
}

bool OutboxStore::expire(const ClockReading& now, std::size_t count_max) {
  if (file_ == nullptr && !in_memory_) return false;
  std::size_t left = count_max;
  bool more = false;
  for (std::uint32_t i = 0; i < devices_.size() && !more; ++i) {
    if (!devices_[i].rows.empty()) more = expire(StoreDevice{i}, now, left);
  }
  return more;
}

bool OutboxStore::expire(StoreDevice which, const ClockReading& now, std::size_t& left) {
  Device& device = devices_[which.value];
  std::optional<std::chrono::seconds> most = options_.limits.age_max;
  if (device.limits.age_max && (!most || *device.limits.age_max < *most)) {
    most = device.limits.age_max;
  }
  if (!most) return false;
  // Rows come in the order of their age, as far as they have one: the first young one ends it.
  while (true) {
    std::size_t place = device.rows.behind_row(device.ageless);
    while (place < device.rows.places() && device.rows.at(place).is_hole()) ++place;
    if (place == device.rows.places()) return false;
    const RowEntry row = device.rows.at(place);
    if (row.clock() == RowClock::None) {
      device.ageless = row.row();
      continue;
    }
    const auto age = row.age(now);
    if (!age || *age <= *most) return false;
    if (left-- == 0) return true;
    device.rows.remove_row(row.row());
    count_out(row);
    ++device.counts.expired;
    mark_changed(which);
    mark_for_saving(which);
    if (!memory_.take(row.row())) to_remove_.push_back(row.row());
  }
}

}  // namespace hubward::outbox
