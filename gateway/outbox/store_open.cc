// Opening, reading back what the file holds, and moving a file away that is of no use.
#include <sqlite3.h>

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

constexpr std::string_view kBootKey = "boot";
constexpr std::string_view kCleanKey = "closed_cleanly";

bool rename_on_disk(const std::string& from, const std::string& to) {
  std::error_code error;
  std::filesystem::rename(from, to, error);
  // A write-ahead log need not exist.
  return !error || error == std::errc::no_such_file_or_directory;
}

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
  forget_contents();
  file_ = std::make_unique<StoreFile>();
  auto found = StoreFile::Found::Ours;
  int rc = file_->open(
      {.path = options_.path, .vfs = options_.vfs, .sync_every_commit = options_.sync_every_commit},
      found);
  if (rc == SQLITE_OK && found == StoreFile::Found::Foreign) damage = "not an outbox of hubward";
  if (rc == SQLITE_OK && found == StoreFile::Found::OtherVersion) {
    damage = "written by another version of hubward";
  }
  if (rc == SQLITE_OK && found == StoreFile::Found::New) rescue();
  if (rc == SQLITE_OK && damage.empty()) rc = load();
  if (rc == SQLITE_OK && damage.empty()) take_out_again();
  if (rc == SQLITE_OK && damage.empty()) rc = begin_epoch_if_needed();
  if (rc == SQLITE_OK && damage.empty()) {
    state_ = {StoreHealth::Ready, {}};
    return {};
  }
  if (damage.empty() && is_damage(rc)) damage = file_->message();
  state_ = {damage.empty() ? health_of(rc) : StoreHealth::Unavailable,
            damage.empty() ? file_->message() : damage};
  file_.reset();
  forget_contents();
  return tl::unexpected<Error>(unavailable());
}

void OutboxStore::remember_taken_out() {
  if (epochs_.empty()) return;
  taken_out_.epoch = epochs_.back().name;
  auto& released = taken_out_.released;
  released.insert(released.end(), to_remove_.begin(), to_remove_.end());
  for (const Device& device : devices_) {
    if (device.released_newest != 0) released.push_back(device.released_newest);
  }
  std::sort(released.begin(), released.end());
  for (const PendingQuarantine& row : to_quarantine_) {
    taken_out_.rows.push_back(
        {row.device, epochs_[row.row.epoch()].name, row.row.sequence(), row.why, row.since});
  }
}

void OutboxStore::take_out_again() {
  const TakenOut again = std::exchange(taken_out_, {});
  // Row ids mean nothing in another store.
  const bool same_store = !epochs_.empty() && epochs_.back().name == again.epoch;
  for (std::uint32_t i = 0; same_store && i < devices_.size(); ++i) {
    std::vector<RowEntry> released;
    for (std::size_t place = 0; place < devices_[i].rows.size(); ++place) {
      const RowEntry row = devices_[i].rows.at(place);
      if (std::binary_search(again.released.begin(), again.released.end(), row.row())) {
        released.push_back(row);
      }
    }
    for (const RowEntry& row : released) {
      (void)take_out(StoreDevice{i}, epochs_[row.epoch()].name, row.sequence());
      to_remove_.push_back(row.row());
      mark_for_saving(StoreDevice{i});  // it may be the newest
    }
  }
  for (const auto& row : again.rows) {
    if (row.quarantined) {
      quarantine(row.device, row.epoch, row.sequence, *row.quarantined, row.since);
    } else {
      release(row.device, row.epoch, row.sequence);
    }
  }
}

void OutboxStore::forget_contents() {
  remember_taken_out();
  for (Device& device : devices_) {
    Device fresh;
    fresh.name = std::move(device.name);
    // What counts since the process started stays.
    fresh.counts.appended = device.counts.appended;
    fresh.counts.delivered = device.counts.delivered;
    device = std::move(fresh);
  }
  changed_.clear();
  for (std::uint32_t i = 0; i < devices_.size(); ++i) mark_changed(StoreDevice{i});
  device_by_id_.clear();
  epochs_.clear();
  next_row_ = 1;
  bytes_ = 0;
  waiting_ = {};
  drop_cursor_ = {};
  to_remove_.clear();
  to_quarantine_.clear();
  to_save_.clear();
  released_newest_.clear();
  checkpoint_at_pages_ = options_.checkpoint_pages;
  unsynced_ = sync_failed_ = checkpoint_failed_ = false;
}

int OutboxStore::load() {
  int rc = file_->each_epoch([&](FileEpoch epoch) {
    epochs_.push_back({epoch.id, std::move(epoch.name)});
  });
  // More than an index has room for: ten thousand power cuts with rows left of each. Damage.
  if (rc == SQLITE_OK && epochs_.size() >= kEpochsMax) rc = SQLITE_CORRUPT;
  if (rc != SQLITE_OK) return rc;
  rc = file_->each_device([&](const FileDevice& row) {
    const StoreDevice which = attach(row.name);
    Device& device = devices_[which.value];
    device.id = row.id;
    mark_changed(which);
    device.counts.dropped = row.dropped;
    device.counts.quarantined = row.quarantined;
    if (!epochs_.empty() && row.epoch == epochs_.back().id) {
      device.last_sequence = row.last_sequence;
    }
    device_by_id_[row.id] = which.value;
  });
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
    if (device_at == device_by_id_.end() || epoch_at == index_of.end() || row.row < next_row_) {
      sound = false;
      return;
    }
    Device& device = devices_[device_at->second];
    const EpochIndex epoch = epoch_at->second;
    if (!device.rows.empty()) {
      const RowEntry& last = device.rows.at(device.rows.size() - 1);
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
                          .created = row.created}};
    device.rows.add(entry);
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

int OutboxStore::begin_epoch_if_needed() {
  std::int64_t boot = 0;
  std::int64_t clean = 0;
  if (const int rc = file_->meta(kBootKey, boot)) return rc;
  if (const int rc = file_->meta(kCleanKey, clean)) return rc;
  // After a power cut, rows may be missing whose ids are known outside. Their sequences must not be
  // given to other messages, so the new ones get an epoch of their own.
  const bool rows_may_be_missing =
      clean == 0 && (options_.boot_id == 0 || options_.boot_id != static_cast<std::uint64_t>(boot));
  std::vector<std::int64_t> used;
  int rc = file_->each_quarantined(
      [&](RowId, std::int64_t epoch, std::uint64_t) { used.push_back(epoch); });
  if (rc == SQLITE_OK) rc = file_->begin();
  if (rc == SQLITE_OK && (epochs_.empty() || rows_may_be_missing)) {
    Epoch epoch{0, epoch_name(options_.epoch_bits())};
    rc = file_->add_epoch(epoch.name, epoch.id);
    epochs_.push_back(std::move(epoch));
    for (Device& device : devices_) device.last_sequence = 0;
  }
  if (rc == SQLITE_OK) rc = forget_unused_epochs(std::move(used));
  if (rc == SQLITE_OK) rc = file_->set_meta(kBootKey, static_cast<std::int64_t>(options_.boot_id));
  if (rc == SQLITE_OK) rc = file_->set_meta(kCleanKey, 0);
  if (rc == SQLITE_OK) rc = file_->commit();
  if (rc != SQLITE_OK) return rc;
  // Must be on the disk before the first row of this run can be lost by a power cut. By way of the
  // file, because a log whose sync failed once is not to be trusted (see sync()); a disk too full
  // for that still lets us read and release.
  (void)file_->checkpoint(true);
  return file_->sync();
}

int OutboxStore::forget_unused_epochs(std::vector<std::int64_t> used) {
  // Rows and entries know epochs by their place, so only the file forgets now; the list does so
  // with the next open.
  for (const Device& device : devices_) {
    for (std::size_t i = 0; i < device.rows.size(); ++i) {
      const std::int64_t id = epochs_[device.rows.at(i).epoch()].id;
      if (used.empty() || used.back() != id) used.push_back(id);
    }
  }
  used.push_back(epochs_.back().id);
  std::sort(used.begin(), used.end());
  for (const Epoch& epoch : epochs_) {
    if (std::binary_search(used.begin(), used.end(), epoch.id)) continue;
    if (const int rc = file_->remove_epoch(epoch.id)) return rc;
  }
  return SQLITE_OK;
}

void OutboxStore::rescue() {
  if (!rescue_from_) return;
  const std::string path = *std::exchange(rescue_from_, std::nullopt);
  StoreFile damaged;
  auto found = StoreFile::Found::New;
  const int rc = damaged.open({.path = path, .vfs = options_.vfs}, found);
  if (rc != SQLITE_OK || found != StoreFile::Found::Ours) return;
  // Rows get other row ids there.
  const std::uint64_t rescued =
      rescue_rows(damaged, *file_, std::exchange(taken_out_.released, {}));
  // Told before, if the new store could not be made at once.
  if (set_aside_.empty()) set_aside_.push_back({path, "read once more", 0});
  set_aside_.back().rescued = rescued;
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
  set_aside_.push_back({to, why, 0});
  rescue_from_ = to;
  return true;
}

Status OutboxStore::recover() {
  if (state_.health == StoreHealth::Ready) return {};
  if (file_ == nullptr) return open();
  // A write that changes nothing tells whether the disk takes one again.
  int rc = file_->begin();
  if (rc == SQLITE_OK) rc = file_->set_meta(kCleanKey, 0);
  if (rc == SQLITE_OK) rc = file_->commit();
  if (rc == SQLITE_OK) {
    unsynced_ = true;
    state_ = {StoreHealth::Ready, {}};
    checkpoint_failed_ = false;
    (void)commit({});
    return sync();
  }
  file_->rollback();
  const StoreHealth before = state_.health;
  const Error why = failed(rc);
  // The handles may be at fault: a disk that went and came back. What was released and not yet
  // written is then delivered again.
  if (file_ != nullptr && before == StoreHealth::IoError && state_.health == before) return open();
  return tl::unexpected<Error>(why);
}

Status OutboxStore::close() {
  if (file_ == nullptr) return tl::unexpected<Error>(unavailable());
  settle();
  commit({});
  if (file_ == nullptr || has_pending_work()) return tl::unexpected<Error>(unavailable());
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
