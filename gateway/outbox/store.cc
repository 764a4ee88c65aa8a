#include "gateway/outbox/store.h"

#include <sqlite3.h>

#include <algorithm>

#include "gateway/api/failure_words.h"
#include "gateway/outbox/row_codec.h"
#include "gateway/outbox/store_errors.h"
#include "gateway/outbox/store_file.h"

namespace hubward::outbox {

void add_counts(OutboxCounts& into, const OutboxCounts& counts) {
  into.appended += counts.appended;
  into.delivered += counts.delivered;
  into.dropped += counts.dropped;
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
  const auto [at, inserted] = device_by_name_.try_emplace(
      std::string{registration_id}, static_cast<std::uint32_t>(devices_.size()));
  if (inserted) devices_.emplace_back().name = registration_id;
  return StoreDevice{at->second};
}

std::vector<std::string> OutboxStore::devices() const {
  std::vector<std::string> names;
  names.reserve(devices_.size());
  for (const Device& device : devices_) names.push_back(device.name);
  return names;
}

// --- Appending

std::vector<Result<StoredMessage>> OutboxStore::commit(std::vector<NewMessage> messages) {
  std::vector<Result<StoredMessage>> answers;
  if (messages.empty() && !has_pending_work()) return answers;
  answers.reserve(messages.size());
  Error why = unavailable();
  // A second round only for a store that turned out damaged and was replaced.
  for (int round = 0; round < 2 && file_ != nullptr; ++round) {
    Staged staged;
    staged.drop_cursor = drop_cursor_;
    answers.clear();
    const int rc = write_all(messages, answers, staged);
    if (rc == SQLITE_OK) {
      apply(staged);
      return answers;
    }
    undo(messages, answers, staged);
    file_->rollback();
    why = failed(rc);
    if (!is_damage(rc)) break;
  }
  answers.assign(messages.size(), tl::unexpected<Error>(why));
  return answers;
}

int OutboxStore::write_all(std::vector<NewMessage>& messages,
                           std::vector<Result<StoredMessage>>& answers, Staged& staged) {
  if (const int rc = file_->begin()) return rc;
  if (const int rc = write_pending()) return rc;
  for (NewMessage& message : messages) {
    if (const int rc = write_message(message, answers, staged)) return rc;
  }
  if (const int rc = drop_oldest(staged)) return rc;
  if (const int rc = save_devices()) return rc;
  return file_->commit();
}

int OutboxStore::write_message(NewMessage& message, std::vector<Result<StoredMessage>>& answers,
                               Staged& staged) {
  const std::uint64_t bytes = charged_bytes(message.message);
  if (auto refused = refusal(message.message, bytes, staged)) {
    answers.emplace_back(tl::unexpected<Error>(std::move(*refused)));
    return SQLITE_OK;
  }
  Device& device = devices_[message.device.value];
  if (device.id == 0) {
    if (const int rc = file_->add_device(device.name, device.id)) return rc;
    staged.new_devices.push_back(message.device.value);
    device_by_id_[device.id] = message.device.value;
  }
  if (device.released_newest != 0 &&
      (staged.superseded.empty() || staged.superseded.back() != message.device.value)) {
    if (const int rc = file_->remove(device.released_newest)) return rc;
    staged.superseded.push_back(message.device.value);
  }
  const FileRow row{.row = next_row_,
                    .device = device.id,
                    .epoch = epochs_.back().id,
                    .sequence = device.last_sequence + 1,
                    .priority = message.message.priority,
                    .bytes = bytes,
                    .created = message.message.created};
  if (const int rc = file_->insert(row, message.message)) return rc;
  ++next_row_;
  ++device.last_sequence;
  const RowEntry entry{{.row = row.row,
                        .epoch = static_cast<EpochIndex>(epochs_.size() - 1),
                        .sequence = row.sequence,
                        .priority = row.priority,
                        .bytes = bytes,
                        .created = row.created}};
  staged.added.emplace_back(message.device, entry);
  staged.bytes_added += entry.bytes();
  ++staged.rows_added[static_cast<std::size_t>(row.priority)];
  answers.emplace_back(
      StoredMessage{row.sequence, epochs_.back().name, std::move(message.message)});
  return SQLITE_OK;
}

std::optional<Error> OutboxStore::refusal(const OutboxMessage& message, std::uint64_t bytes,
                                          const Staged& staged) const {
  if (bytes > kMessageBytesMax || bytes > options_.limits.bytes_max) {
    return Error{ErrorCode::MessageTooLarge, ErrorKind::Permanent,
                 std::to_string(message.body.size()) + " bytes"};
  }
  const bool full = bytes_ + staged.bytes_added + bytes > options_.limits.bytes_max;
  if (full && options_.limits.when_full == StoreLimits::WhenFull::RefuseNew) {
    return Error{ErrorCode::StoreFull, ErrorKind::Throttled,
                 std::to_string(options_.limits.bytes_max) + " bytes are waiting"};
  }
  return std::nullopt;
}

// --- Retention

std::uint64_t OutboxStore::bytes_over(const Staged& staged) const {
  const std::uint64_t bytes = bytes_ + staged.bytes_added - staged.bytes_dropped;
  return bytes > options_.limits.bytes_max ? bytes - options_.limits.bytes_max : 0;
}

int OutboxStore::drop_oldest(Staged& staged) {
  for (std::size_t p = 0; p < kPriorities && bytes_over(staged) > 0; ++p) {
    if (waiting_[p] + staged.rows_added[p] == 0) continue;
    if (const int rc = choose_oldest(static_cast<Priority>(p), staged)) return rc;
  }
  for (const auto& [device, row] : staged.dropped) {
    if (const int rc = file_->remove(row)) return rc;
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
    if (row.row < first_added && !device.rows.contains_row(row.row)) return true;
    staged.dropped.emplace_back(StoreDevice{found->second}, row.row);
    staged.bytes_dropped += row.bytes;
    ++device.counts.dropped;
    mark_for_saving(StoreDevice{found->second});
    return true;
  });
}

// --- What a transaction carries besides messages

bool OutboxStore::has_pending_work() const {
  return !to_remove_.empty() || !to_quarantine_.empty() || !to_save_.empty();
}

int OutboxStore::write_pending() {
  for (const RowId row : to_remove_) {
    if (const int rc = file_->remove(row)) return rc;
  }
  for (const PendingQuarantine& pending : to_quarantine_) {
    const std::string_view why = words_for(pending.why).label;
    if (const int rc = file_->quarantine(pending.row.row(), why, pending.since)) return rc;
  }
  return to_quarantine_.empty() ? SQLITE_OK : trim_quarantine();
}

int OutboxStore::trim_quarantine() {
  // A whole scan, because quarantine is rare and small.
  std::vector<std::pair<RowId, std::uint64_t>> rows;
  std::uint64_t bytes = 0;
  const int rc = file_->each_quarantined([&](RowId row, std::int64_t, std::uint64_t row_bytes) {
    rows.emplace_back(row, row_bytes);
    bytes += row_bytes;
  });
  if (rc != SQLITE_OK) return rc;
  std::uint64_t left = rows.size();
  for (const auto& [row, row_bytes] : rows) {
    if (left <= options_.limits.quarantine_rows_max &&
        bytes <= options_.limits.quarantine_bytes_max) {
      break;
    }
    if (const int removed = file_->remove_quarantined(row)) return removed;
    --left;
    bytes -= row_bytes;
  }
  return SQLITE_OK;
}

int OutboxStore::save_devices() {
  for (const std::uint32_t index : to_save_) {
    const Device& device = devices_[index];
    if (device.id == 0) continue;
    if (const int rc = file_->save_device({.id = device.id,
                                           .name = device.name,
                                           .epoch = epochs_.back().id,
                                           .last_sequence = device.last_sequence,
                                           .dropped = device.counts.dropped,
                                           .quarantined = device.counts.quarantined})) {
      return rc;
    }
  }
  return SQLITE_OK;
}

void OutboxStore::apply(const Staged& staged) {
  for (const std::uint32_t index : to_save_) devices_[index].save = false;
  to_save_.clear();
  to_remove_.clear();
  to_quarantine_.clear();
  for (const std::uint32_t index : staged.superseded) devices_[index].released_newest = 0;
  for (const auto& [device, row] : staged.added) {
    devices_[device.value].rows.add(row);
    ++devices_[device.value].counts.appended;
    mark_changed(device);
    bytes_ += row.bytes();
    ++waiting_[static_cast<std::size_t>(row.priority())];
  }
  for (const auto& [device, row] : staged.dropped) {
    if (const auto entry = devices_[device.value].rows.remove_row(row)) count_out(*entry);
    mark_changed(device);
  }
  drop_cursor_ = staged.drop_cursor;
  unsynced_ = !options_.sync_every_commit;
  if (!sync_failed_ && !checkpoint_failed_) state_ = {StoreHealth::Ready, {}};
  checkpoint_if_due();
}

void OutboxStore::undo(std::vector<NewMessage>& messages,
                       std::vector<Result<StoredMessage>>& answers, const Staged& staged) {
  for (std::size_t i = 0; i < answers.size(); ++i) {
    if (answers[i]) messages[i].message = std::move(answers[i]->message);
  }
  for (const auto& [device, row] : staged.added) --devices_[device.value].last_sequence;
  next_row_ -= static_cast<RowId>(staged.added.size());
  for (const auto& [device, row] : staged.dropped) --devices_[device.value].counts.dropped;
  for (const std::uint32_t index : staged.new_devices) {
    device_by_id_.erase(devices_[index].id);
    devices_[index].id = 0;
  }
}

void OutboxStore::checkpoint_if_due() {
  if (file_->wal_pages() < checkpoint_at_pages_) return;
  if (const int rc = file_->checkpoint(false)) {
    // The rows are safe in the log. Not at every commit: the log may grow by as much again first.
    checkpoint_at_pages_ = file_->wal_pages() + options_.checkpoint_pages;
    checkpoint_failed_ = true;
    failed(rc);
    return;
  }
  checkpoint_at_pages_ = options_.checkpoint_pages;
  checkpoint_failed_ = false;
  unsynced_ = false;
  sync_failed_ = false;
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
  if (!row) return;
  Device& device = devices_[which.value];
  ++device.counts.delivered;
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
  if (!row) return;
  ++devices_[device.value].counts.quarantined;
  mark_for_saving(device);
  to_quarantine_.push_back({device, *row, why, now});
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
                                                      WallTime now) {
  if (file_ == nullptr) return tl::unexpected<Error>(unavailable());
  const Device& device = devices_[which.value];
  // An epoch nobody knows any more was before all that are left.
  const auto epoch = after == nullptr ? std::nullopt : epoch_index(after->epoch);
  std::size_t place = epoch ? device.rows.behind(*epoch, after->sequence) : 0;
  std::vector<StoredMessage> rows;
  std::uint64_t bytes = 0;
  while (place < device.rows.size() && rows.size() < count_max) {
    const RowEntry entry = device.rows.at(place);
    if (entry.row() > newest) break;
    if (!rows.empty() && bytes + entry.bytes() > kFetchBytesMax) break;
    std::optional<OutboxMessage> message;
    if (const int rc = file_->read(entry.row(), message)) {
      return tl::unexpected<Error>(failed(rc));
    }
    const std::string& epoch_name = epochs_[entry.epoch()].name;
    if (!message) {
      quarantine(which, epoch_name, entry.sequence(), ErrorCode::StoreCorrupt, now);
      continue;
    }
    bytes += entry.bytes();
    rows.push_back({entry.sequence(), epoch_name, std::move(*message)});
    ++place;
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
  }
  return rows;
}

OutboxCounts OutboxStore::counts(StoreDevice which) const {
  const Device& device = devices_[which.value];
  OutboxCounts counts = device.counts;
  counts.waiting = device.rows.size();
  counts.waiting_bytes = device.rows.bytes();
  if (!device.rows.empty()) counts.oldest_waiting = device.rows.at(0).created();
  return counts;
}

OutboxCounts OutboxStore::totals() const {
  OutboxCounts totals;
  for (std::uint32_t i = 0; i < devices_.size(); ++i) add_counts(totals, counts(StoreDevice{i}));
  return totals;
}

// --- The disk

Status OutboxStore::sync() {
  if (!unsynced_) return {};
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
    if (set_aside(words) && open()) {
      return {ErrorCode::StoreCorrupt, ErrorKind::Transient, words};
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
