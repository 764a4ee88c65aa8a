// Opening, reading back what the file holds, and moving a file away that is of no use.
#include <sqlite3.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <tuple>
#include <utility>

#include "gateway/outbox/rescue.h"
#include "gateway/outbox/row_codec.h"
#include "gateway/outbox/store.h"
#include "gateway/outbox/store_errors.h"
#include "gateway/outbox/store_file.h"

namespace hubward::outbox {
namespace {

constexpr std::string_view kCleanKey = "closed_cleanly";

bool rename_on_disk(const std::string& from, const std::string& to) {
  std::error_code error;
  std::filesystem::rename(from, to, error);
  // A write-ahead log need not exist.
  return !error || error == std::errc::no_such_file_or_directory;
}

// Nothing is done to it; opening the store once a second only to see that would read all of it.
bool can_be_written(const std::string& path) { return ::access(path.c_str(), W_OK) == 0; }

}  // namespace

Status OutboxStore::open() {
  // Twice at most: a damaged store, and the new one in its place.
  for (int round = 0; round < 2; ++round) {
    std::string damage;
    Status opened = open_once(damage);
    if (opened || damage.empty()) return opened;
    if (!set_aside(damage)) break;
  }
  return tl::unexpected<Error>(unavailable());
}

Status OutboxStore::open_once(std::string& damage) {
  const auto own = own_epoch();
  file_.reset();
  auto file = std::make_unique<StoreFile>();
  auto found = StoreFile::Found::Ours;
  int rc = file->open(
      {.path = options_.path, .vfs = options_.vfs, .sync_every_commit = options_.sync_every_commit},
      found);
  if (rc == SQLITE_OK && found == StoreFile::Found::Foreign) damage = "not an outbox of hubward";
  if (rc == SQLITE_OK && found == StoreFile::Found::OtherVersion) {
    damage = "written by another version of hubward";
  }
  remember_released();
  if (rc == SQLITE_OK && found == StoreFile::Found::New) rescue(*file);
  std::string words = file->message();
  if (rc == SQLITE_OK && damage.empty()) {
    rc = take_over(std::move(file), found == StoreFile::Found::New, own);
    if (rc == SQLITE_OK) {
      state_ = {StoreHealth::Ready, {}};
      return {};
    }
    words = file_->message();
  }
  if (damage.empty() && is_damage(rc)) damage = words;
  state_ = damage.empty() ? StoreState{health_of(rc), words}
                          : StoreState{StoreHealth::Unavailable, damage};
  // A disk that is full or read-only can still be read. Otherwise what is known of the contents
  // stays, so that nothing overtakes a row that cannot be read now.
  if (!epoch_pending_) file_.reset();
  if (!damage.empty()) forget_contents();
  if (epochs_.empty()) go_on_without_contents(own);
  return tl::unexpected<Error>(unavailable());
}

// From here on the file is ours, with what it holds.
int OutboxStore::take_over(std::unique_ptr<StoreFile> file, bool is_new,
                           const std::optional<OwnEpoch>& own) {
  const bool is_late = !epochs_.empty() && newest_epoch_on_disk().empty();
  forget_contents();
  file_ = std::move(file);
  bool closed_cleanly = false;
  if (const int rc = load(closed_cleanly); rc != SQLITE_OK) {
    epochs_.clear();  // half of what there is tells nothing of the store's state
    forget_contents();
    return rc;
  }
  const bool same_store = !is_new && newest_epoch_on_disk() == taken_out_.epoch;
  const bool known_before = !taken_out_.epoch.empty();
  const bool complete =
      !is_new && (known_before ? same_store && has_all_sequences() : closed_cleanly);
  // At the limit, after as many ends without a close and with rows left of each, the last one goes
  // on: that is no reason to lose them all.
  new_epoch_needed_ = epochs_.empty() || (!complete && may_begin_epoch());
  for (const Device& device : devices_) {
    found_rows_ = found_rows_ || (is_late && !device.rows.empty());
  }
  if (!memory_.empty()) go_on_in_memory(own);
  take_out_again(same_store);
  const int rc = begin();
  epoch_pending_ = rc != SQLITE_OK && !is_damage(rc);
  // A process that was killed may have left rows that only the kernel has. A disk that takes no
  // write now may still take a flush of those; if not, nothing is worse than before.
  if (epoch_pending_) (void)file_->sync();
  return rc;
}

std::string OutboxStore::newest_epoch_on_disk() const {
  const auto newest = std::find_if(epochs_.rbegin(), epochs_.rend(),
                                   [](const Epoch& epoch) { return epoch.id != 0; });
  return newest == epochs_.rend() ? std::string{} : newest->name;
}

bool OutboxStore::has_all_sequences() const {
  if (!taken_out_.last_sequences) return false;
  const auto& before = *taken_out_.last_sequences;
  return std::equal(
      before.begin(), before.end(), devices_.begin(),
      [](std::uint64_t known, const Device& now) { return now.last_sequence >= known; });
}

void OutboxStore::remember_released() {
  if (newest_epoch_on_disk().empty()) return;
  taken_out_.epoch = newest_epoch_on_disk();
  taken_out_.last_sequences.reset();
  if (epochs_.back().id != 0 && !new_epoch_needed_) {
    auto& sequences = taken_out_.last_sequences.emplace();
    for (const Device& device : devices_) sequences.push_back(device.last_sequence);
  }
  auto& released = taken_out_.released;
  released.insert(released.end(), to_remove_.begin(), to_remove_.end());
  for (const Device& device : devices_) {
    if (device.released_newest != 0) released.push_back(device.released_newest);
  }
  std::sort(released.begin(), released.end());
  released.erase(std::unique(released.begin(), released.end()), released.end());
}

void OutboxStore::take_out_again(bool same_store) {
  const TakenOut again = std::exchange(taken_out_, {});
  // Row ids mean nothing in another store.
  for (std::uint32_t i = 0; same_store && !again.released.empty() && i < devices_.size(); ++i) {
    std::vector<RowEntry> released;
    for (std::size_t place = 0; place < devices_[i].rows.places(); ++place) {
      const RowEntry row = devices_[i].rows.at(place);
      if (memory_.find(row.row()) == nullptr &&
          std::binary_search(again.released.begin(), again.released.end(), row.row())) {
        released.push_back(row);
      }
    }
    for (const RowEntry& row : released) {
      (void)take_out(StoreDevice{i}, epochs_[row.epoch()].name, row.sequence());
      to_remove_.push_back(row.row());
      mark_for_saving(StoreDevice{i});  // it may be the newest
    }
  }
  take_out_rows(again.rows);
}

void OutboxStore::take_out_rows(const std::vector<TakenOut::Row>& rows) {
  for (const auto& row : rows) {
    if (row.quarantined) {
      quarantine(row.device, row.epoch, row.sequence, *row.quarantined, row.since);
    } else {
      release(row.device, row.epoch, row.sequence);
    }
  }
}

void OutboxStore::forget_contents() {
  remember_released();
  for (const PendingQuarantine& row : to_quarantine_) {
    taken_out_.rows.push_back(
        {row.device, epochs_[row.row.epoch()].name, row.row.sequence(), row.why, row.since});
  }
  for (Device& device : devices_) {
    Device fresh;
    fresh.name = std::move(device.name);
    fresh.attached = device.attached;
    fresh.limits = device.limits;
    // What counts since the process started stays.
    fresh.counts.appended = device.counts.appended;
    fresh.counts.delivered = device.counts.delivered;
    // What was dropped meanwhile and is not on the disk yet; see load().
    fresh.counts.dropped = device.counts.dropped;
    fresh.counts.expired = device.counts.expired;
    fresh.counts.refused = device.counts.refused;
    fresh.counts.unstored = device.counts.unstored;
    device = std::move(fresh);
  }
  changed_.clear();
  for (std::uint32_t i = 0; i < devices_.size(); ++i) mark_changed(StoreDevice{i});
  device_by_id_.clear();
  epochs_.clear();
  next_row_ = 1;
  ++numbering_;
  bytes_ = 0;
  waiting_ = {};
  drop_cursor_ = {};
  to_remove_.clear();
  to_quarantine_.clear();
  to_save_.clear();
  released_newest_.clear();
  checkpoint_at_pages_ = options_.checkpoint_pages;
  unsynced_ = sync_failed_ = checkpoint_failed_ = epoch_pending_ = new_epoch_needed_ = false;
}

int OutboxStore::load(bool& closed_cleanly) {
  std::int64_t clean = 0;
  int rc = file_->meta(kCleanKey, clean);
  if (rc != SQLITE_OK) return rc;
  closed_cleanly = clean != 0;
  rc = file_->each_epoch([&](FileEpoch epoch) {
    epochs_.push_back({epoch.id, std::move(epoch.name), false});
  });
  // More than an index has room for, and than the store makes. Damage.
  if (rc == SQLITE_OK && epochs_.size() >= kEpochsMax) rc = SQLITE_CORRUPT;
  if (rc != SQLITE_OK) return rc;
  rc = file_->each_device([&](const FileDevice& row) {
    const StoreDevice which = known(row.name);
    Device& device = devices_[which.value];
    device.id = row.id;
    mark_changed(which);
    const bool counted_on =
        device.counts.dropped > row.dropped || device.counts.expired > row.expired;
    if (counted_on) mark_for_saving(which);
    device.counts.dropped = std::max(device.counts.dropped, row.dropped);
    device.counts.quarantined = row.quarantined;
    device.counts.expired = std::max(device.counts.expired, row.expired);
    if (!epochs_.empty() && row.epoch == epochs_.back().id) {
      device.last_sequence = row.last_sequence;
    }
    device_by_id_[row.id] = which.value;
  });
  for (std::uint32_t i = 0; i < devices_.size(); ++i) {
    const Device& device = devices_[i];  // that the file does not know
    if (device.id == 0 && device.counts.dropped + device.counts.expired > 0) {
      mark_for_saving(StoreDevice{i});
    }
  }
  return rc == SQLITE_OK ? load_rows() : rc;
}

int OutboxStore::load_rows() {
  std::unordered_map<std::int64_t, EpochIndex> index_of;
  for (const Epoch& epoch : epochs_) {
    index_of.emplace(epoch.id, static_cast<EpochIndex>(index_of.size()));
  }
  bool sound = true;
  const int rc = file_->each_row([&](const FileRow& row) {
    const auto device_at = device_by_id_.find(row.device);
    const auto epoch_at = index_of.find(row.epoch);
    // What cannot be is taken for damage, here and below: the index relies on it.
    if (device_at == device_by_id_.end() || epoch_at == index_of.end() || row.row < next_row_ ||
        row.sequence > kSequenceMax) {
      sound = false;
      return;
    }
    Device& device = devices_[device_at->second];
    const EpochIndex epoch = epoch_at->second;
    if (!device.rows.empty()) {
      const RowEntry& last = device.rows.newest();
      if (std::tuple{last.epoch(), last.sequence()} >= std::tuple{epoch, row.sequence}) {
        sound = false;
        return;
      }
    }
    const RowEntry entry{{.row = row.row,
                          .epoch = epoch,
                          .sequence = row.sequence,
                          .priority = row.priority,
                          .bytes = row.bytes,
                          .created = row.created,
                          .clock = clock_of(row.boot_id, row.clock_trusted),
                          .since_boot = row.since_boot}};
    device.rows.add(entry);
    epochs_[epoch].has_rows = true;
    mark_changed(StoreDevice{device_at->second});
    bytes_ += entry.bytes();
    ++waiting_[static_cast<std::size_t>(row.priority)];
    next_row_ = row.row + 1;
    if (epoch + 1U == epochs_.size()) {
      device.last_sequence = std::max(device.last_sequence, row.sequence);
    }
  });
  return rc == SQLITE_OK && !sound ? SQLITE_CORRUPT : rc;
}

int OutboxStore::begin() {
  // Apart, and first: a disk that takes what it never syncs is tried once a second, for days, and
  // each time would leave it an epoch.
  if (const int rc = mark_as_open()) return rc;
  return begin_epochs();
}

int OutboxStore::mark_as_open() {
  int rc = file_->begin();
  if (rc == SQLITE_OK) rc = file_->set_meta(kCleanKey, 0);
  if (rc == SQLITE_OK) rc = file_->commit();
  if (rc != SQLITE_OK) {
    file_->rollback();
    return rc;
  }
  // Must be on the disk before the first row of this run can be lost by a power cut. By way of the
  // file, because a log whose sync failed once is not to be trusted (see sync()); a disk too full
  // for that still lets us read and release.
  const int emptied = file_->checkpoint(true);
  rc = file_->sync();
  // Then that sync may be a lie: sync() goes on until the log has been emptied.
  if (emptied != SQLITE_OK && (emptied & 0xFF) != SQLITE_FULL) unsynced_ = sync_failed_ = true;
  return rc;
}

int OutboxStore::begin_epochs() {
  Staged staged;
  int rc = file_->begin();
  if (rc == SQLITE_OK) rc = write_epochs(staged);
  if (rc == SQLITE_OK) rc = forget_unused_epochs(staged);
  if (rc == SQLITE_OK) rc = file_->commit();
  if (rc != SQLITE_OK) {
    file_->rollback();
    for (const std::size_t place : staged.new_epochs) epochs_[place].id = 0;
    return rc;
  }
  if (staged.next_epoch) begin_epoch(*staged.next_epoch);
  return file_->sync();
}

// Of rows in the file, also of those that were taken out and are only removed with a later commit.
int OutboxStore::forget_unused_epochs(const Staged& staged) {
  std::vector<std::int64_t> used;
  const int read = file_->each_quarantined(
      [&](RowId, std::int64_t epoch, std::uint64_t) { used.push_back(epoch); });
  if (read != SQLITE_OK) return read;
  std::sort(used.begin(), used.end());
  for (const Epoch& epoch : epochs_) {
    if (epoch.has_rows || (!staged.next_epoch && &epoch == &epochs_.back())) continue;
    if (std::binary_search(used.begin(), used.end(), epoch.id)) continue;
    // Entries know epochs by their place, so only the file forgets now; the list does so with the
    // next open.
    if (const int rc = file_->remove_epoch(epoch.id)) return rc;
  }
  return SQLITE_OK;
}

void OutboxStore::rescue(StoreFile& fresh) {
  if (!rescue_from_) return;
  SetAside from = *std::exchange(rescue_from_, std::nullopt);
  StoreFile damaged;
  auto found = StoreFile::Found::New;
  const int rc = damaged.open({.path = from.path, .vfs = options_.vfs}, found);
  if (rc != SQLITE_OK || found != StoreFile::Found::Ours) return;
  // Rows get other row ids there, so that what names them now is worth nothing afterwards.
  const Rescued rows = rescue_rows(damaged, fresh, std::exchange(taken_out_.released, {}));
  from.rescued = rows.copied;
  from.left_behind = rows.left_behind;
  to_remove_.clear();
  for (Device& device : devices_) device.released_newest = 0;
  if (!set_aside_.empty() && set_aside_.back().path == from.path) set_aside_.pop_back();
  set_aside_.push_back(std::move(from));
}

bool OutboxStore::set_aside(const std::string& why) {
  if (set_aside_count_ >= kSetAsideMax) {
    state_ = {StoreHealth::Unavailable, "damaged again and again: " + why};
    return false;
  }
  const std::string to = options_.path + ".set-aside-" + epoch_name(options_.epoch_bits());
  const auto move = [&](const std::string& suffix) {
    return options_.rename ? options_.rename(options_.path + suffix, to + suffix)
                           : rename_on_disk(options_.path + suffix, to + suffix);
  };
  // The log first: without it the file alone is still a store, but not the other way round.
  if (!move("-wal") || !move("")) {
    state_ = {StoreHealth::Unavailable, "cannot move a damaged store away: " + why};
    return false;
  }
  ++set_aside_count_;
  set_aside_.push_back({.path = to, .why = why});
  rescue_from_ = set_aside_.back();
  return true;
}

Status OutboxStore::recover() {
  if (state_.health == StoreHealth::Ready && !in_memory_) return {};
  if (file_ == nullptr || (file_->is_read_only() && can_be_written(options_.path))) {
    if (auto opened = open(); !opened) return opened;
    return carry_all();
  }
  const StoreHealth before = state_.health;
  const int rc = test_write();
  if (rc == SQLITE_OK) {
    unsynced_ = true;
    state_ = {StoreHealth::Ready, {}};
    checkpoint_failed_ = false;
    if (auto carried = carry_all(); !carried) return carried;
    return sync();
  }
  file_->rollback();
  const Error why = failed(rc);
  // The handles may be at fault: a disk that went and came back. What was released and not yet
  // written is then delivered again.
  if (file_ != nullptr && before == StoreHealth::IoError && state_.health == before) {
    if (auto opened = open(); !opened) return opened;
    return carry_all();
  }
  return tl::unexpected<Error>(why);
}

// A write that changes nothing tells whether the disk takes one again.
int OutboxStore::test_write() {
  if (epoch_pending_) {
    const int rc = begin();
    epoch_pending_ = rc != SQLITE_OK;
    return rc;
  }
  int rc = file_->begin();
  if (rc == SQLITE_OK) rc = file_->set_meta(kCleanKey, 0);
  if (rc == SQLITE_OK) rc = file_->commit();
  return rc;
}

Status OutboxStore::close() {
  settle();
  if (in_memory_) (void)recover();
  if (file_ == nullptr || epoch_pending_) return tl::unexpected<Error>(unavailable());
  commit({});
  if (file_ == nullptr || in_memory_ || has_pending_work()) {
    return tl::unexpected<Error>(unavailable());
  }
  // A log that is not trusted must be gone, for good, before the file says that all is in it.
  if (auto synced = sync(); !synced) return synced;
  int rc = file_->begin();
  if (rc == SQLITE_OK) rc = file_->set_meta(kCleanKey, 1);
  if (rc == SQLITE_OK) rc = file_->commit();
  // Also flushes; a start finds one plain file.
  if (rc == SQLITE_OK) rc = file_->checkpoint(true);
  if (rc != SQLITE_OK) {
    file_->rollback();
    return tl::unexpected<Error>(failed(rc));
  }
  file_.reset();
  forget_contents();
  state_ = {StoreHealth::Unavailable, "closed"};
  return {};
}

}  // namespace hubward::outbox
