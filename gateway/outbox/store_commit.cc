// One transaction of the store: what was taken out before, and new messages.
#include <sqlite3.h>

#include <utility>

#include "gateway/api/failure_words.h"
#include "gateway/outbox/row_codec.h"
#include "gateway/outbox/store.h"
#include "gateway/outbox/store_errors.h"
#include "gateway/outbox/store_file.h"

namespace hubward::outbox {

std::vector<Result<StoredMessage>> OutboxStore::commit(std::vector<NewMessage> messages) {
  if (messages.empty() && !has_pending_work()) return {};
  auto answers = in_memory_ ? keep_in_memory(messages) : commit_to_disk(messages);
  count_refused(messages, answers);
  return answers;
}

std::vector<Result<StoredMessage>> OutboxStore::commit_to_disk(std::vector<NewMessage>& messages) {
  std::vector<Result<StoredMessage>> answers;
  answers.reserve(messages.size());
  Error why = unavailable();
  // A second round only for a store that turned out damaged and was replaced.
  for (int round = 0; round < 2 && file_ != nullptr && !epoch_pending_; ++round) {
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
  if (options_.limits.memory_bytes_max > 0) {
    in_memory_ = true;
    return keep_in_memory(messages);
  }
  answers.assign(messages.size(), tl::unexpected<Error>(why));
  return answers;
}

void OutboxStore::count_refused(const std::vector<NewMessage>& messages,
                                const std::vector<Result<StoredMessage>>& answers) {
  for (std::size_t i = 0; i < answers.size(); ++i) {
    if (answers[i]) continue;
    const StoreDevice device = messages[i].device;
    OutboxCounts& counts = devices_[device.value].counts;
    ++(answers[i].error().code == ErrorCode::StoreFailed ? counts.unstored : counts.refused);
    mark_changed(device);
  }
}

int OutboxStore::write_all(std::vector<NewMessage>& messages,
                           std::vector<Result<StoredMessage>>& answers, Staged& staged) {
  if (const int rc = file_->begin()) return rc;
  if (const int rc = write_epochs(staged)) return rc;
  if (const int rc = carry(staged)) return rc;
  if (const int rc = write_pending(staged)) return rc;
  for (NewMessage& message : messages) {
    if (const int rc = write_message(message, answers, staged)) return rc;
  }
  if (const int rc = drop_over_limits(staged)) return rc;
  if (const int rc = save_devices(staged)) return rc;
  return file_->commit();
}

// Those that began while the disk took nothing, and the one that goes on behind them. That begins
// only when it is on the disk, so that no try that fails leaves one.
int OutboxStore::write_epochs(Staged& staged) {
  for (std::size_t place = 0; place < epochs_.size(); ++place) {
    Epoch& epoch = epochs_[place];
    if (epoch.id != 0) continue;
    staged.new_epochs.push_back(place);
    if (const int rc = file_->add_epoch(epoch.name, epoch.id)) return rc;
  }
  if (!new_epoch_needed_) return SQLITE_OK;
  staged.next_epoch = Epoch{};
  Epoch& next = *staged.next_epoch;
  next.name = epoch_name(options_.epoch_bits());
  return file_->add_epoch(next.name, next.id);
}

int OutboxStore::write_device(StoreDevice which, Staged& staged) {
  Device& device = devices_[which.value];
  if (device.id != 0) return SQLITE_OK;
  if (const int rc = file_->add_device(device.name, device.id)) return rc;
  staged.new_devices.push_back(which.value);
  device_by_id_[device.id] = which.value;
  return SQLITE_OK;
}

int OutboxStore::write_message(NewMessage& message, std::vector<Result<StoredMessage>>& answers,
                               Staged& staged) {
  const std::uint64_t bytes = charged_bytes(message.message);
  if (auto refused = refusal(message, bytes, staged.bytes_added)) {
    answers.emplace_back(tl::unexpected<Error>(std::move(*refused)));
    return SQLITE_OK;
  }
  if (const int rc = write_device(message.device, staged)) return rc;
  Device& device = devices_[message.device.value];
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
  if (const int rc = file_->insert(row, device.name, message.message)) return rc;
  ++next_row_;
  ++device.last_sequence;
  const RowEntry entry{{.row = row.row,
                        .epoch = static_cast<EpochIndex>(epochs_.size() - 1),
                        .sequence = row.sequence,
                        .priority = row.priority,
                        .bytes = bytes,
                        .created = row.created,
                        .clock = clock_of(message.message.boot_id, message.message.clock_trusted),
                        .since_boot = message.message.since_boot}};
  staged.added.emplace_back(message.device, entry);
  staged.bytes_added += entry.bytes();
  device.staged_bytes += entry.bytes();
  ++staged.rows_added[static_cast<std::size_t>(row.priority)];
  answers.emplace_back(
      StoredMessage{row.sequence, epochs_.back().name, std::move(message.message)});
  return SQLITE_OK;
}

// --- What a transaction carries besides messages

int OutboxStore::write_pending(const Staged& staged) {
  for (const RowId row : to_remove_) {
    if (const int rc = file_->remove(row)) return rc;
  }
  for (const PendingQuarantine& pending : to_quarantine_) {
    if (waits_to_be_carried(pending.row.row(), staged)) continue;
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

int OutboxStore::save_devices(Staged& staged) {
  for (const std::uint32_t index : to_save_) {
    if (const int rc = write_device(StoreDevice{index}, staged)) return rc;
    const Device& device = devices_[index];
    if (const int rc = file_->save_device({.id = device.id,
                                           .name = device.name,
                                           .epoch = epochs_.back().id,
                                           .last_sequence = device.last_sequence,
                                           .dropped = device.counts.dropped,
                                           .quarantined = device.counts.quarantined,
                                           .expired = device.counts.expired})) {
      return rc;
    }
  }
  return SQLITE_OK;
}

void OutboxStore::apply(const Staged& staged) {
  for (const std::uint32_t index : to_save_) devices_[index].save = false;
  to_save_.clear();
  to_remove_.clear();
  if (staged.next_epoch) begin_epoch(*staged.next_epoch);
  for (const RowId row : staged.carried) memory_.take(row);
  std::erase_if(to_quarantine_, [this](const PendingQuarantine& pending) {
    return memory_.find(pending.row.row()) == nullptr;
  });
  for (const std::uint32_t index : staged.superseded) devices_[index].released_newest = 0;
  for (const auto& [which, row] : staged.added) {
    Device& device = devices_[which.value];
    device.rows.add(row);
    device.staged_bytes = 0;
    ++device.counts.appended;
    mark_changed(which);
    bytes_ += row.bytes();
    ++waiting_[static_cast<std::size_t>(row.priority())];
  }
  for (const auto& [device, row] : staged.dropped) {
    if (const auto entry = devices_[device.value].rows.remove_row(row)) count_out(*entry);
    mark_changed(device);
  }
  drop_cursor_ = staged.drop_cursor;
  for (const auto& [index, cursor] : staged.device_cursors) devices_[index].drop_cursor = cursor;
  unsynced_ = !options_.sync_every_commit;
  if (!sync_failed_ && !checkpoint_failed_) state_ = {StoreHealth::Ready, {}};
  checkpoint_if_due();
}

void OutboxStore::undo(std::vector<NewMessage>& messages,
                       std::vector<Result<StoredMessage>>& answers, const Staged& staged) {
  for (std::size_t i = 0; i < answers.size(); ++i) {
    if (answers[i]) messages[i].message = std::move(answers[i]->message);
  }
  for (const auto& [device, row] : staged.added) {
    --devices_[device.value].last_sequence;
    devices_[device.value].staged_bytes = 0;
  }
  next_row_ -= static_cast<RowId>(staged.added.size());
  for (const auto& [device, row] : staged.dropped) --devices_[device.value].counts.dropped;
  for (const std::uint32_t index : staged.new_devices) {
    device_by_id_.erase(devices_[index].id);
    devices_[index].id = 0;
  }
  for (const std::size_t place : staged.new_epochs) epochs_[place].id = 0;
}

void OutboxStore::checkpoint_if_due() {
  // A log that is not trusted is emptied by sync(); this would leave it to be replayed.
  if (sync_failed_ || file_->wal_pages() < checkpoint_at_pages_) return;
  if (const int rc = file_->checkpoint(false)) {
    // The rows are safe in the log. Not at every commit: the log may grow by as much again first.
    checkpoint_at_pages_ = file_->wal_pages() + options_.checkpoint_pages;
    checkpoint_failed_ = true;
    // It begins with a sync of the log: if that was what failed, see sync().
    if ((rc & 0xFF) == SQLITE_IOERR) unsynced_ = sync_failed_ = true;
    failed(rc);
    return;
  }
  checkpoint_at_pages_ = options_.checkpoint_pages;
  checkpoint_failed_ = false;
  unsynced_ = false;
  sync_failed_ = false;
}

}  // namespace hubward::outbox
