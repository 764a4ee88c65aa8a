#include "gateway/outbox/store.h"

#include <sqlite3.h>

#include <algorithm>
#include <utility>

#include "gateway/outbox/store_errors.h"
#include "gateway/outbox/store_file.h"

namespace hubward::outbox {

void add_counts(OutboxCounts& into, const OutboxCounts& counts) {
  into.appended += counts.appended;
  into.delivered += counts.delivered;
  into.dropped += counts.dropped;
  into.expired += counts.expired;
  into.refused += counts.refused;
  into.unstored += counts.unstored;
  into.quarantined += counts.quarantined;
  into.waiting += counts.waiting;
  into.waiting_bytes += counts.waiting_bytes;
  if (!counts.oldest_waiting) return;
  into.oldest_waiting = into.oldest_waiting ? std::min(*into.oldest_waiting, *counts.oldest_waiting)
                                            : *counts.oldest_waiting;
}

OutboxStore::OutboxStore(StoreOptions options) : options_(std::move(options)) {}
OutboxStore::~OutboxStore() = default;

StoreDevice OutboxStore::attach(std::string_view registration_id) {
  const StoreDevice device = known(registration_id);
  devices_[device.value].attached = true;
  return device;
}

StoreDevice OutboxStore::known(std::string_view registration_id) {
  const auto [at, inserted] = device_by_name_.try_emplace(
      std::string{registration_id}, static_cast<std::uint32_t>(devices_.size()));
  if (inserted) {
    Device& device = devices_.emplace_back();
    device.name = registration_id;
    const auto& limits = options_.limits.devices;
    if (const auto own = limits.find(registration_id); own != limits.end()) {
      device.limits = own->second;
    }
  }
  return StoreDevice{at->second};
}

RowClock OutboxStore::clock_of(std::uint64_t boot_id, bool clock_trusted) const {
  if (boot_id != 0 && boot_id == options_.boot_id) return RowClock::SinceBoot;
  return clock_trusted ? RowClock::Wall : RowClock::None;
}

std::vector<std::string> OutboxStore::devices() const {
  std::vector<std::string> names;
  names.reserve(devices_.size());
  for (const Device& device : devices_) names.push_back(device.name);
  return names;
}

// --- Taking out

std::optional<EpochIndex> OutboxStore::epoch_index(const std::string& name) const {
  // The newest first: nearly always the one.
  for (std::size_t i = epochs_.size(); i > 0; --i) {
    if (epochs_[i - 1].name == name) return static_cast<EpochIndex>(i - 1);
  }
  return std::nullopt;
}

void OutboxStore::count_out(const RowEntry& row) {
  bytes_ -= row.bytes();
  --waiting_[static_cast<std::size_t>(row.priority())];
}

std::optional<RowEntry> OutboxStore::take_out(StoreDevice device, const std::string& epoch,
                                              std::uint64_t sequence) {
  const auto index = epoch_index(epoch);
  if (!index) return std::nullopt;
  const auto row = devices_[device.value].rows.remove(*index, sequence);
  if (!row) return std::nullopt;
  count_out(*row);
  mark_changed(device);
  return row;
}

void OutboxStore::release(StoreDevice which, const std::string& epoch, std::uint64_t sequence) {
  const auto row = take_out(which, epoch, sequence);
  if (!row) {
    // It may be in a file that cannot be opened now.
    if (file_ == nullptr) taken_out_.rows.push_back({which, epoch, sequence, std::nullopt, {}});
    return;
  }
  Device& device = devices_[which.value];
  ++device.counts.delivered;
  if (memory_.take(row->row())) return;
  if (row->epoch() + 1U != epochs_.size() || sequence != device.last_sequence) {
    to_remove_.push_back(row->row());
    return;
  }
  device.released_newest = row->row();
  if (device.in_released_newest) return;
  device.in_released_newest = true;
  released_newest_.push_back(which.value);
}

void OutboxStore::quarantine(StoreDevice device, const std::string& epoch, std::uint64_t sequence,
                             ErrorCode why, WallTime now) {
  const auto row = take_out(device, epoch, sequence);
  if (!row) {
    if (file_ == nullptr) taken_out_.rows.push_back({device, epoch, sequence, why, now});
    return;
  }
  ++devices_[device.value].counts.quarantined;
  mark_for_saving(device);
  to_quarantine_.push_back({device, *row, why, now});
}

bool OutboxStore::has_pending_work() const {
  return !to_remove_.empty() || !to_quarantine_.empty() || !to_save_.empty();
}

void OutboxStore::settle() {
  for (const std::uint32_t index : released_newest_) {
    Device& device = devices_[index];
    device.in_released_newest = false;
    if (device.released_newest == 0) continue;
    to_remove_.push_back(device.released_newest);
    device.released_newest = 0;
    mark_for_saving(StoreDevice{index});
  }
  released_newest_.clear();
}

void OutboxStore::mark_for_saving(StoreDevice device) {
  if (devices_[device.value].save) return;
  devices_[device.value].save = true;
  to_save_.push_back(device.value);
}

void OutboxStore::mark_changed(StoreDevice device) {
  if (devices_[device.value].changed) return;
  devices_[device.value].changed = true;
  changed_.push_back(device);
}

std::vector<StoreDevice> OutboxStore::take_changed() {
  for (const StoreDevice device : changed_) devices_[device.value].changed = false;
  return std::exchange(changed_, {});
}

// --- Reading

Result<std::vector<StoredMessage>> OutboxStore::fetch(StoreDevice which, const StoredMessage* after,
                                                      std::size_t count_max, RowId newest,
                                                      WallTime now, const StoredMessage* before) {
  if (file_ == nullptr && !in_memory_) return tl::unexpected<Error>(unavailable());
  Device& device = devices_[which.value];
  std::optional<std::pair<EpochIndex, std::uint64_t>> end;
  if (const auto index = before == nullptr ? std::nullopt : epoch_index(before->epoch)) {
    end.emplace(*index, before->sequence);
  }
  // An epoch nobody knows any more was before all that are left.
  const auto epoch = after == nullptr ? std::nullopt : epoch_index(after->epoch);
  std::vector<StoredMessage> rows;
  std::vector<RowEntry> damaged;
  std::uint64_t bytes = 0;
  for (std::size_t place = epoch ? device.rows.behind(*epoch, after->sequence) : 0;
       rows.size() < count_max && place < device.rows.places(); ++place) {
    const RowEntry entry = device.rows.at(place);
    if (entry.is_hole()) continue;
    if (entry.row() > newest) break;
    if (end && std::pair{entry.epoch(), entry.sequence()} >= *end) break;
    if (!rows.empty() && bytes + entry.bytes() > kFetchBytesMax) break;
    std::optional<OutboxMessage> message;
    if (const MemoryRow* in_memory = memory_.find(entry.row())) {
      message = in_memory->message;
    } else if (file_ == nullptr) {
      // Nothing may overtake it; the disk may come back.
      if (rows.empty()) return tl::unexpected<Error>(unavailable());
      break;
    } else if (const int rc = file_->read(
                   entry.row(), {device.name, epochs_[entry.epoch()].id, entry.sequence()},
                   message)) {
      return tl::unexpected<Error>(failed(rc));
    }
    if (!message) {
      damaged.push_back(entry);
      continue;
    }
    bytes += entry.bytes();
    rows.push_back({entry.sequence(), epochs_[entry.epoch()].name, std::move(*message)});
  }
  // What an earlier process left may still be found: nobody who begins may think that there is
  // nothing. Whoever has read on from here is told, see OutboxWatcher.
  if (after == nullptr && rows.empty() && file_ == nullptr && newest_epoch_on_disk().empty()) {
    return tl::unexpected<Error>(unavailable());
  }
  for (const RowEntry& row : damaged) {
    quarantine(which, epochs_[row.epoch()].name, row.sequence(), ErrorCode::StoreCorrupt, now);
  }
  return rows;
}

Result<std::vector<QuarantinedMessage>> OutboxStore::quarantined(std::size_t count_max) {
  if (file_ == nullptr) return tl::unexpected<Error>(unavailable());
  std::vector<FileQuarantined> found;
  if (const int rc = file_->read_quarantined(count_max, found)) {
    return tl::unexpected<Error>(failed(rc));
  }
  std::vector<QuarantinedMessage> rows;
  for (FileQuarantined& row : found) {
    QuarantinedMessage& into = rows.emplace_back();
    if (const auto at = device_by_id_.find(row.device); at != device_by_id_.end()) {
      into.device_id = devices_[at->second].name;
    }
    const auto epoch = std::find_if(epochs_.begin(), epochs_.end(),
                                    [&](const Epoch& known) { return known.id == row.epoch; });
    if (epoch != epochs_.end()) into.stored.epoch = epoch->name;
    into.stored.sequence = row.sequence;
    into.stored.message = std::move(row.message);
    into.why = code_of_label(row.why);
    into.since = row.since;
    into.place = row.row;
  }
  return rows;
}

Status OutboxStore::remove_quarantined(std::int64_t newest_place) {
  if (file_ == nullptr || in_memory_) return tl::unexpected<Error>(unavailable());
  if (const int rc = file_->remove_quarantined_until(newest_place)) {
    return tl::unexpected<Error>(failed(rc));
  }
  unsynced_ = !options_.sync_every_commit;
  return {};
}

OutboxCounts OutboxStore::counts(StoreDevice which) const {
  const Device& device = devices_[which.value];
  OutboxCounts counts = device.counts;
  counts.waiting = device.rows.size();
  counts.waiting_bytes = device.rows.bytes();
  if (!device.rows.empty()) counts.oldest_waiting = device.rows.oldest().created();
  return counts;
}

StoreStatus OutboxStore::status() const {
  StoreStatus status;
  status.health = state_.health;
  status.detail = state_.detail;
  status.memory_only = in_memory_;
  status.memory_messages = memory_.size();
  status.memory_bytes = memory_.bytes();
  for (const Device& device : devices_) {
    if (device.attached || device.rows.empty()) continue;
    ++status.removed_devices;
    status.removed_messages += device.rows.size();
    status.removed_bytes += device.rows.bytes();
  }
  return status;
}

OutboxCounts OutboxStore::totals() const {
  OutboxCounts totals;
  for (std::uint32_t i = 0; i < devices_.size(); ++i) add_counts(totals, counts(StoreDevice{i}));
  return totals;
}

// --- The disk

Status OutboxStore::sync() {
  if (!unsynced()) return {};
  if (file_ == nullptr) return tl::unexpected<Error>(unavailable());
  // After a failed sync the kernel may have dropped the pages it could not write and call the next
  // sync a success. So the log is not trusted again: everything is written anew, into the file, and
  // the log is emptied and its emptiness synced, lest what the disk holds of it be replayed.
  int rc = sync_failed_ ? file_->checkpoint(true) : SQLITE_OK;
  if (rc == SQLITE_OK) rc = file_->sync();
  if (rc != SQLITE_OK) {
    sync_failed_ = true;
    return tl::unexpected<Error>(failed(rc));
  }
  unsynced_ = false;
  if (sync_failed_) state_ = {StoreHealth::Ready, {}};
  sync_failed_ = false;
  return {};
}

Error OutboxStore::failed(int rc) {
  const std::string words = file_ == nullptr ? std::string{} : file_->message();
  if (is_damage(rc)) {
    file_.reset();
    const bool moved = set_aside(words);
    if (moved && open()) return {ErrorCode::StoreCorrupt, ErrorKind::Transient, words};
    if (!moved) {
      const auto own = own_epoch();
      forget_contents();
      go_on_without_contents(own);
    }
    return unavailable();
  }
  state_ = {health_of(rc), words};
  return {ErrorCode::StoreFailed, ErrorKind::Transient, words};
}

Error OutboxStore::unavailable() const {
  return {ErrorCode::StoreFailed, ErrorKind::Transient,
          state_.detail.empty() ? std::string{"the store is not open"} : state_.detail};
}

std::vector<SetAside> OutboxStore::take_set_aside() { return std::exchange(set_aside_, {}); }

}  // namespace hubward::outbox
