// One transaction of the store: what was taken out before, new messages, and what must go for them.
#include <sqlite3.h>

#include <utility>

#include "gateway/api/failure_words.h"
#include "gateway/outbox/row_codec.h"
#include "gateway/outbox/store.h"
#include "gateway/outbox/store_errors.h"
#include "gateway/outbox/store_file.h"

namespace hubward::outbox {

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

}  // namespace hubward::outbox
