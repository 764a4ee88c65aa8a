#include "gateway/outbox/rescue.h"

#include <sqlite3.h>

#include <algorithm>
#include <optional>
#include <unordered_map>
#include <vector>

#include "gateway/outbox/row_codec.h"

namespace hubward::outbox {
namespace {

// Bounds what one transaction holds in memory and in the log.
constexpr std::uint64_t kRowsPerCommit = 1000;

class Rescue {
 public:
  Rescue(StoreFile& damaged, StoreFile& fresh, const std::vector<RowId>& released)
      : damaged_(damaged), fresh_(fresh), released_(released) {}

  Rescued run() {
    if (fresh_.begin() != SQLITE_OK) return {};
    // Without names no row can be attributed; with some of them, some can.
    (void)damaged_.each_epoch([this](const FileEpoch& epoch) { take(epoch); });
    (void)damaged_.each_device([this](const FileDevice& device) { take(device); });
    if (damaged_.each_row([this](const FileRow& row) { copy(row); }) != SQLITE_OK) copy_tail();
    if (failed_ || fresh_.commit() != SQLITE_OK) {
      fresh_.rollback();
      return {committed_, found_ - committed_};
    }
    return {copied_, found_ - copied_};
  }

 private:
  struct Device {
    std::string name;
    std::int64_t id = 0;
    std::int64_t epoch = 0;
    std::uint64_t sequence = 0;  // of the last row copied
  };

  void take(const FileEpoch& epoch) {
    std::int64_t id = 0;
    if (fresh_.add_epoch(epoch.name, id) == SQLITE_OK) epochs_[epoch.id] = id;
  }

  void take(const FileDevice& device) {
    std::int64_t id = 0;
    if (fresh_.add_device(device.name, id) == SQLITE_OK) devices_[device.id] = {device.name, id};
  }

  void copy_tail() {
    std::vector<FileRow> tail;
    (void)damaged_.each_row_backwards(seen_, [&](const FileRow& row) { tail.push_back(row); });
    std::for_each(tail.rbegin(), tail.rend(), [this](const FileRow& row) { copy(row); });
  }

  void copy(FileRow row) {
    seen_ = row.row;
    const auto device = devices_.find(row.device);
    const auto epoch = epochs_.find(row.epoch);
    std::optional<OutboxMessage> message;
    if (std::binary_search(released_.begin(), released_.end(), row.row)) return;
    ++found_;
    if (failed_ || device == devices_.end() || epoch == epochs_.end() ||
        damaged_.read(row.row, {device->second.name, row.epoch, row.sequence}, message) !=
            SQLITE_OK ||
        !message) {
      return;
    }
    Device& to = device->second;
    // The new store relies on the order.
    if (epoch->second < to.epoch || (epoch->second == to.epoch && row.sequence <= to.sequence))
      return;
    to.epoch = epoch->second;
    to.sequence = row.sequence;
    row.row = static_cast<RowId>(copied_ + 1);
    row.device = to.id;
    row.epoch = epoch->second;
    row.bytes = charged_bytes(*message);
    failed_ = fresh_.insert(row, to.name, *message) != SQLITE_OK;
    if (!failed_ && ++copied_ % kRowsPerCommit == 0) {
      failed_ = fresh_.commit() != SQLITE_OK || fresh_.begin() != SQLITE_OK;
      if (!failed_) committed_ = copied_;
    }
  }

  StoreFile& damaged_;
  StoreFile& fresh_;
  const std::vector<RowId>& released_;
  std::unordered_map<std::int64_t, std::int64_t> epochs_;
  std::unordered_map<std::int64_t, Device> devices_;
  RowId seen_ = 0;
  std::uint64_t found_ = 0;
  std::uint64_t copied_ = 0;
  std::uint64_t committed_ = 0;
  bool failed_ = false;  // the new store does not take any more: disk full
};

}  // namespace

Rescued rescue_rows(StoreFile& damaged, StoreFile& fresh, const std::vector<RowId>& released) {
  return Rescue{damaged, fresh, released}.run();
}

}  // namespace hubward::outbox
