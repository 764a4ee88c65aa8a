// Which numbered samples left a simulated device, so that a test can compare them with what arrived
// at the cloud, number by number.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>

#include "proto/json.h"

namespace hubward::plant {

using Sequence = std::uint64_t;

// A set of numbers kept as ranges: a day of samples without a gap is one entry.
class SequenceSet {
 public:
  void add(Sequence number);
  void remove(Sequence number);
  [[nodiscard]] std::uint64_t size() const { return size_; }
  // [[first, last], ...] in ascending order, both ends included.
  void write(json::Writer& writer) const;

 private:
  std::map<Sequence, Sequence> ranges_;  // first -> last
  std::uint64_t size_ = 0;
};

// Any thread.
class SentLog {
 public:
  // Left the device whole.
  void sent(Sequence number);
  // Used up, but the device damaged, delayed or swallowed it on purpose: it must not be expected.
  void spoiled(Sequence number);
  // Left the device whole, but the other end went away before it can have confirmed it. Modbus and
  // serial lines know no acknowledgement, so only these may be missing after a kill.
  void at_risk(Sequence number);
  // Forgets everything; the numbers themselves go on.
  void clear();
  // Members "sent", "ranges", "spoiled" and "at_risk" of an object that the caller has opened.
  void write(json::Writer& writer) const;

 private:
  mutable std::mutex mutex_;
  SequenceSet sent_;
  SequenceSet spoiled_;
  SequenceSet at_risk_;
};

// The samples sent on one connection that its peer may not have stored yet. One thread.
class UnconfirmedSamples {
 public:
  using Time = std::chrono::steady_clock::time_point;
  // A peer that lives stores a sample well within this time after it was sent.
  static constexpr std::chrono::milliseconds kConfirmedAfter{250};

  void sent(Sequence number, Time now);
  // The peer went away: whatever was sent last, or lately, is at risk.
  void peer_left(Time now, SentLog& log);

 private:
  struct Entry {
    Sequence number;
    Time at;
  };
  std::deque<Entry> recent_;  // the last one, and all younger than kConfirmedAfter
};

}  // namespace hubward::plant
