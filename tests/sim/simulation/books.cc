#include "tests/sim/simulation/books.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace hubward::simulation {

std::uint64_t reading_in(std::string_view body) {
  constexpr std::string_view kName = "\"counter\":";
  const std::size_t at = body.find(kName);
  if (at == std::string_view::npos) return 0;
  std::uint64_t value = 0;
  (void)std::from_chars(body.data() + at + kName.size(), body.data() + body.size(), value);
  return value;
}

DeviceBook::Entry& DeviceBook::entry(Reading reading) {
  if (entries_.size() < reading) entries_.resize(reading);
  return entries_[reading - 1];
}

std::uint32_t DeviceBook::epoch_index(std::string_view name) {
  const auto found = std::find(epochs_.begin(), epochs_.end(), name);
  if (found == epochs_.end()) {
    epochs_.emplace_back(name);
    by_sequence_.emplace_back();
    return static_cast<std::uint32_t>(epochs_.size());
  }
  return static_cast<std::uint32_t>(found - epochs_.begin()) + 1;
}

DeviceBook::Reading DeviceBook::reading_of(const StoredMessage& row) {
  const auto& readings = by_sequence_[epoch_index(row.epoch) - 1];
  return row.sequence < readings.size() ? readings[row.sequence] : 0;
}

void DeviceBook::set_id(Reading reading, std::uint32_t epoch, std::uint64_t sequence,
                        const Complain& complain) {
  Entry& known = entry(reading);
  if (known.epoch != 0 && (known.epoch != epoch || known.sequence != sequence)) {
    complain("reading " + std::to_string(reading) + " has two ids");
  }
  known.epoch = epoch;
  known.sequence = sequence;
  auto& readings = by_sequence_[epoch - 1];
  if (readings.size() <= sequence) readings.resize(sequence + 1);
  if (readings[sequence] != 0 && readings[sequence] != reading) {
    complain("one id for readings " + std::to_string(readings[sequence]) + " and " +
             std::to_string(reading));
  }
  readings[sequence] = reading;
}

void DeviceBook::count(Row row, int by) {
  if (row == Row::Dropped) dropped_ += static_cast<std::uint64_t>(by);
  if (row == Row::Quarantined) quarantined_ += static_cast<std::uint64_t>(by);
}

void DeviceBook::set(Entry& changed, Row row) {
  count(changed.row, -1);
  changed.row = row;
  count(row, 1);
}

void DeviceBook::on_acknowledged(Reading reading) { entry(reading).acknowledged = true; }

void DeviceBook::on_stored(Reading reading, const StoredMessage& row, SteadyTime now,
                           const Complain& complain) {
  set_id(reading, epoch_index(row.epoch), row.sequence, complain);
  Entry& stored = entry(reading);
  stored.stored_at = now;
  // Otherwise it was listed, or even dropped, before its answer arrived.
  if (stored.row == Row::None) set(stored, Row::Waiting);
}

// "devices/device-3/messages/events/%24.mid=3v9k-device-3-17&..", of which `id` is "3v9k-..-17".
void DeviceBook::on_sent(Reading reading, std::string_view id, const Complain& complain) {
  const std::size_t first = id.find('-');
  const std::size_t last = id.rfind('-');
  std::uint64_t sequence = 0;
  if (last != std::string_view::npos) {
    (void)std::from_chars(id.data() + last + 1, id.data() + id.size(), sequence);
  }
  if (sequence == 0 || first == last) return complain("a message without an id");
  set_id(reading, epoch_index(id.substr(0, first)), sequence, complain);
}

DeviceBook::Reading DeviceBook::on_released(const StoredMessage& row) {
  const Reading reading = reading_of(row);
  taken_out_.insert(reading);
  if (reading != 0 && entry(reading).row == Row::Waiting) set(entry(reading), Row::Released);
  return reading;
}

void DeviceBook::on_quarantined(const StoredMessage& row) {
  const Reading reading = reading_of(row);
  taken_out_.insert(reading);
  if (reading != 0 && entry(reading).row == Row::Waiting) set(entry(reading), Row::Quarantined);
}

void DeviceBook::on_in_memory(std::set<Reading> readings, std::optional<std::uint64_t> dropped,
                              bool still_in_memory, SteadyTime now) {
  for (const Reading reading : in_memory_) {
    if (readings.contains(reading) || entry(reading).row != Row::Waiting) continue;
    if (still_in_memory && (!dropped || dropped_ < *dropped)) {
      set(entry(reading), Row::Dropped);
    } else {
      entry(reading).stored_at = now;
    }
  }
  in_memory_ = std::move(readings);
  memory_until_ = now;
}

void DeviceBook::on_drop_counter(std::uint64_t dropped, const Complain& complain) {
  while (dropped_ < dropped) {
    while (oldest_waiting_ <= entries_.size() &&
           entries_[oldest_waiting_ - 1].row != Row::Waiting) {
      ++oldest_waiting_;
    }
    if (oldest_waiting_ > entries_.size()) {
      complain("more drops are counted than rows can have been dropped");
      dropped_ = dropped;
      return;
    }
    set(entries_[oldest_waiting_ - 1], Row::Dropped);
  }
}

void DeviceBook::on_listed(const std::vector<StoredMessage>& rows, const OutboxCounts& counts,
                           const Occasion& occasion, const Complain& complain) {
  std::vector<bool> listed(entries_.size() + 1);
  Reading last = 0;
  for (const StoredMessage& row : rows) {
    const Reading reading = reading_in(row.message.body);
    if (reading <= last)
      complain("the store holds rows out of order: " + std::to_string(reading) + " behind " +
               std::to_string(last));
    last = reading;
    set_id(reading, epoch_index(row.epoch), row.sequence, complain);
    if (listed.size() <= reading) listed.resize(reading + 1);
    listed[reading] = true;
    Entry& found = entry(reading);
    if (found.row == Row::Dropped && !occasion.disk_forgot && !occasion.memory_died) {
      complain("dropped reading " + std::to_string(reading) + " is in the store");
    }
    if (found.row == Row::Released && occasion.at_end) {
      complain("released reading " + std::to_string(reading) + " is still in the store");
    }
    if (found.row == Row::None) found.stored_at = SteadyTime::min();
    const bool gone_soon = found.row == Row::Released || found.row == Row::Quarantined;
    if (!gone_soon || (occasion.process_began && !taken_out_.contains(reading))) {
      if (found.row == Row::Dropped || found.row == Row::Quarantined) returned_.insert(reading);
      set(found, Row::Waiting);
    }
    if (occasion.found_late) returned_.insert(reading);
  }
  listed.resize(entries_.size() + 1);
  // A commit that failed and yet was on the disk, found by the next process: what it dropped is
  // counted there, and was told to nobody.
  const std::uint64_t dropped = counts.dropped + counts.expired;
  if (occasion.process_began && !occasion.damaged) on_drop_counter(dropped, complain);
  for (Reading reading = 1; reading <= entries_.size(); ++reading) {
    Entry& absent = entries_[reading - 1];
    if (absent.row != Row::Waiting || listed[reading]) continue;
    if (died_in_memory_.contains(reading)) {
      set(absent, Row::LostInMemory);
    } else if (occasion.memory_died && occasion.found_late && dropped > 0) {
      // What the process before had counted died with it, so nobody can tell how many of these the
      // counter stands for.
      set(absent, Row::Dropped);
    } else if (occasion.disk_forgot && absent.stored_at > occasion.safe_until) {
      set(absent, Row::Lost);
    } else if (occasion.damaged) {
      set(absent, Row::LostWithStore);
    } else {
      complain("reading " + std::to_string(reading) + " vanished from the store");
      set(absent, Row::Lost);
    }
  }
  oldest_waiting_ = 1;
  if (!occasion.process_began && !occasion.at_end && !occasion.damaged) return;
  died_in_memory_.clear();
  // What was dropped out of memory is counted on the disk when that takes writes again.
  const bool anew = occasion.damaged || occasion.memory_died ||
                    (occasion.disk_forgot && memory_until_ > occasion.safe_until);
  compare("drops", dropped_, dropped, anew, complain);
  compare("rows set aside", quarantined_, counts.quarantined, anew, complain);
}

void DeviceBook::compare(const char* what, std::uint64_t& ours, std::uint64_t counted,
                         bool begins_anew, const Complain& complain) {
  if (ours != counted && !begins_anew) {
    complain(std::string(what) + ": the store counts " + std::to_string(counted) +
             ", it should be " + std::to_string(ours));
  }
  ours = counted;
}

DeviceBook::Missing DeviceBook::missing(const std::function<bool(Reading)>& received) const {
  Missing sums;
  for (Reading reading = 1; reading <= entries_.size(); ++reading) {
    const Entry& one = entries_[reading - 1];
    sums.dropped += one.row == Row::Dropped ? 1 : 0;
    sums.quarantined += one.row == Row::Quarantined ? 1 : 0;
    sums.waiting += one.row == Row::Waiting ? 1 : 0;
    if (!one.acknowledged) continue;
    ++sums.acknowledged;
    if (received(reading)) {
      ++sums.received;
    } else if (one.row == Row::Lost) {
      ++sums.lost_in_power_cut;
    } else if (one.row == Row::LostWithStore) {
      ++sums.lost_with_store;
    } else if (one.row == Row::LostInMemory) {
      ++sums.lost_in_memory;
    } else if (one.row != Row::Dropped && one.row != Row::Quarantined && one.row != Row::Waiting) {
      sums.unaccounted.push_back(reading);
    }
  }
  return sums;
}

std::uint64_t DeviceBook::waiting() const {
  return static_cast<std::uint64_t>(std::count_if(
      entries_.begin(), entries_.end(), [](const Entry& one) { return one.row == Row::Waiting; }));
}

}  // namespace hubward::simulation
