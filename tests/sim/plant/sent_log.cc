#include "tests/sim/plant/sent_log.h"

#include <iterator>

namespace hubward::plant {

void SequenceSet::add(Sequence number) {
  auto next = ranges_.upper_bound(number);
  if (next != ranges_.begin()) {
    const auto before = std::prev(next);
    if (number <= before->second) return;
    if (before->second + 1 == number) {
      before->second = number;
      ++size_;
      if (next != ranges_.end() && next->first == number + 1) {
        before->second = next->second;
        ranges_.erase(next);
      }
      return;
    }
  }
  ++size_;
  if (next != ranges_.end() && next->first == number + 1) {
    const Sequence last = next->second;
    ranges_.erase(next);
    ranges_.emplace(number, last);
    return;
  }
  ranges_.emplace(number, number);
}

void SequenceSet::remove(Sequence number) {
  auto next = ranges_.upper_bound(number);
  if (next == ranges_.begin()) return;
  const auto range = std::prev(next);
  if (number > range->second) return;
  const Sequence first = range->first;
  const Sequence last = range->second;
  ranges_.erase(range);
  if (first < number) ranges_.emplace(first, number - 1);
  if (number < last) ranges_.emplace(number + 1, last);
  --size_;
}

void SequenceSet::write(json::Writer& writer) const {
  writer.StartArray();
  for (const auto& [first, last] : ranges_) {
    writer.StartArray();
    writer.Uint64(first);
    writer.Uint64(last);
    writer.EndArray();
  }
  writer.EndArray();
}

void SentLog::sent(Sequence number) {
  const std::scoped_lock lock(mutex_);
  sent_.add(number);
}

void SentLog::spoiled(Sequence number) {
  const std::scoped_lock lock(mutex_);
  sent_.remove(number);
  spoiled_.add(number);
}

void SentLog::at_risk(Sequence number) {
  const std::scoped_lock lock(mutex_);
  at_risk_.add(number);
}

void SentLog::clear() {
  const std::scoped_lock lock(mutex_);
  sent_ = {};
  spoiled_ = {};
  at_risk_ = {};
}

void SentLog::write(json::Writer& writer) const {
  const std::scoped_lock lock(mutex_);
  writer.Key("sent");
  writer.Uint64(sent_.size());
  writer.Key("ranges");
  sent_.write(writer);
  writer.Key("spoiled");
  spoiled_.write(writer);
  writer.Key("at_risk");
  at_risk_.write(writer);
}

void UnconfirmedSamples::sent(Sequence number, Time now) {
  recent_.push_back({number, now});
  while (recent_.size() > 1 && recent_.front().at + kConfirmedAfter < now) recent_.pop_front();
}

void UnconfirmedSamples::peer_left(Time now, SentLog& log) {
  for (const Entry& entry : recent_) {
    const bool last = entry.number == recent_.back().number;
    if (last || entry.at + kConfirmedAfter >= now) log.at_risk(entry.number);
  }
  recent_.clear();
}

}  // namespace hubward::plant
