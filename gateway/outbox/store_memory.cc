// Messages while the disk takes nothing: kept in memory, within a bound, and written when it works
// again.
//
// Their ids must never be given to others, although nothing on the disk says that they were used:
// if the process dies, the next one knows only what the disk knows. So they get an epoch of their
// own, and when the disk learns of it, it learns of a later one as well: the next process will
// never go on in an epoch of which it does not know all that was used.
#include <sqlite3.h>

#include <tuple>
#include <utility>

#include "gateway/outbox/row_codec.h"
#include "gateway/outbox/store.h"
#include "gateway/outbox/store_file.h"

namespace hubward::outbox {
namespace {

// Bounds what one transaction holds.
constexpr std::size_t kCarriedPerCommit = 1000;

}  // namespace

std::vector<Result<StoredMessage>> OutboxStore::keep_in_memory(std::vector<NewMessage>& messages) {
  std::vector<Result<StoredMessage>> answers;
  answers.reserve(messages.size());
  for (NewMessage& message : messages) answers.push_back(keep_one(message));
  return answers;
}

Result<StoredMessage> OutboxStore::keep_one(NewMessage& message) {
  const std::uint64_t bytes = charged_bytes(message.message);
  const std::uint64_t most = options_.limits.memory_bytes_max;
  if (auto refused = refusal(message, bytes, 0)) return tl::unexpected<Error>(std::move(*refused));
  const bool drop = options_.limits.when_full == StoreLimits::WhenFull::DropOldest;
  if (bytes > most || (!drop && memory_.bytes() + bytes > most) || !begin_epoch_in_memory()) {
    return tl::unexpected<Error>(unavailable());
  }
  Device& device = devices_[message.device.value];
  const RowEntry entry{{.row = next_row_,
                        .epoch = static_cast<EpochIndex>(epochs_.size() - 1),
                        .sequence = ++device.last_sequence,
                        .priority = message.message.priority,
                        .bytes = bytes,
                        .created = message.message.created,
                        .clock = clock_of(message.message.boot_id, message.message.clock_trusted),
                        .since_boot = message.message.since_boot}};
  ++next_row_;
  StoredMessage stored{entry.sequence(), epochs_.back().name, std::move(message.message)};
  memory_.add(entry.row(), {message.device, stored.epoch, stored.sequence, bytes, stored.message});
  device.rows.add(entry);
  bytes_ += bytes;
  ++waiting_[static_cast<std::size_t>(entry.priority())];
  ++device.counts.appended;
  mark_changed(message.device);
  mark_for_saving(message.device);
  if (drop) drop_in_memory(message.device);
  while (memory_.bytes() > most) {
    const RowId row = *memory_.first_to_go();
    const StoreDevice owner = memory_.take(row)->device;
    // Unless it waits for quarantine.
    if (const auto gone = devices_[owner.value].rows.remove_row(row)) {
      count_out(*gone);
      ++devices_[owner.value].counts.dropped;
      mark_changed(owner);
      mark_for_saving(owner);
    }
  }
  return stored;
}

bool OutboxStore::begin_epoch_in_memory() {
  if (epochs_.empty() || epochs_.back().id != 0) {
    if (!may_begin_epoch()) return false;
    begin_epoch({0, epoch_name(options_.epoch_bits())});
  }
  new_epoch_needed_ = true;  // before the disk goes on
  return true;
}

void OutboxStore::begin_epoch(Epoch epoch) {
  new_epoch_needed_ = false;
  epochs_.push_back(std::move(epoch));
  for (Device& device : devices_) device.last_sequence = 0;
}

// --- When the disk works again

int OutboxStore::carry(Staged& staged) {
  for (const auto& [row, kept] : memory_.rows()) {
    if (staged.carried.size() == kCarriedPerCommit) break;
    if (const int rc = write_device(kept.device, staged)) return rc;
    const Device& device = devices_[kept.device.value];
    const auto epoch = epoch_index(kept.epoch);
    if (!epoch) continue;
    if (const int rc = file_->insert({.row = row,
                                      .device = device.id,
                                      .epoch = epochs_[*epoch].id,
                                      .sequence = kept.sequence,
                                      .priority = kept.message.priority,
                                      .bytes = kept.bytes,
                                      .created = kept.message.created},
                                     device.name, kept.message)) {
      return rc;
    }
    staged.carried.push_back(row);
  }
  return SQLITE_OK;
}

// A transaction carries only so many, in their order.
bool OutboxStore::waits_to_be_carried(RowId row, const Staged& staged) const {
  return memory_.find(row) != nullptr && (staged.carried.empty() || row > staged.carried.back());
}

Status OutboxStore::carry_all() {
  std::vector<NewMessage> none;
  in_memory_ = false;
  do {
    (void)commit_to_disk(none);
    if (in_memory_ || state_.health != StoreHealth::Ready) {
      // Nothing goes to the disk past what it has not taken.
      in_memory_ = in_memory_ || !memory_.empty();
      return tl::unexpected<Error>(unavailable());
    }
  } while (!memory_.empty());
  return {};
}

// After the store was opened anew: its rows are known, those in memory come behind them.
void OutboxStore::index_memory_rows() {
  const MemoryRows before = std::exchange(memory_, {});
  for (const auto& [old_row, kept] : before.rows()) {
    Device& device = devices_[kept.device.value];
    auto epoch = epoch_index(kept.epoch);
    if (!epoch) {
      epochs_.push_back({0, kept.epoch});
      epoch = static_cast<EpochIndex>(epochs_.size() - 1);
    }
    epochs_[*epoch].has_rows = true;
    // It may be on the disk all the same: a commit that answered an error.
    if (!device.rows.empty()) {
      const RowEntry& newest = device.rows.newest();
      if (std::tuple{newest.epoch(), newest.sequence()} >= std::tuple{*epoch, kept.sequence}) {
        continue;
      }
    }
    const RowEntry entry{{.row = next_row_,
                          .epoch = *epoch,
                          .sequence = kept.sequence,
                          .priority = kept.message.priority,
                          .bytes = kept.bytes,
                          .created = kept.message.created,
                          .clock = clock_of(kept.message.boot_id, kept.message.clock_trusted),
                          .since_boot = kept.message.since_boot}};
    memory_.add(next_row_++, kept);
    device.rows.add(entry);
    bytes_ += entry.bytes();
    ++waiting_[static_cast<std::size_t>(entry.priority())];
  }
}

std::optional<OutboxStore::OwnEpoch> OutboxStore::own_epoch() const {
  if (epochs_.empty() || epochs_.back().id != 0) return std::nullopt;
  OwnEpoch own{epochs_.back().name, {}};
  for (const Device& device : devices_) own.last_sequences.push_back(device.last_sequence);
  return own;
}

// What is in memory comes behind what the file holds, and goes on in its epoch if all that was used
// of that is known: a disk that does not get well is tried once a second, for days.
void OutboxStore::go_on_in_memory(const std::optional<OwnEpoch>& own) {
  index_memory_rows();
  if (own && !epoch_index(own->name)) epochs_.push_back({0, own->name});
  if (own && epochs_.back().name == own->name) {
    for (std::size_t i = 0; i < own->last_sequences.size(); ++i) {
      devices_[i].last_sequence = own->last_sequences[i];
    }
  } else if (epochs_.back().id == 0) {
    begin_epoch({0, epoch_name(options_.epoch_bits())});
  }
  new_epoch_needed_ = true;  // before the disk goes on
}

// After forget_contents(), with no file in sight.
void OutboxStore::go_on_without_contents(const std::optional<OwnEpoch>& own) {
  if (own || !memory_.empty()) go_on_in_memory(own);
  take_out_rows(std::exchange(taken_out_.rows, {}));
}

}  // namespace hubward::outbox
