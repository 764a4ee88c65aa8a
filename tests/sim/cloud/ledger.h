// What the cloud received from one device: every message id and plant counter for good (as ranges),
// and the last messages whole.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "tests/sim/cloud/interval_set.h"
#include "tests/sim/cloud/types.h"

namespace hubward::simcloud {

// Ids of the form `{prefix}-{digits}`: one series for each prefix.
struct IdSeries {
  IntervalSet seen;
  std::uint64_t last = 0;  // highest number so far
};

// Members of a telemetry body whose name ends in "counter" and whose value is a whole number.
struct CounterSeries {
  IntervalSet seen;
  std::uint64_t received = 0;  // how many values, repeats included
  std::uint64_t last = 0;
  std::uint64_t order_violations = 0;  // new value lower than one seen before
};

struct ReceivedMessage {
  std::uint64_t number = 0;  // 1, 2, 3 ... for each device
  Place hub = 0;
  WallTime received{};
  std::string id{};  // $.mid, empty if there was none
  bool repeated = false;
  std::string bag{};  // property bag as on the wire
  std::string body{};
  bool retain = false;
  bool will = false;
};

struct HubTotals {
  std::uint64_t total = 0;
  std::uint64_t unique = 0;
  std::uint64_t repeated = 0;
};

class Ledger {
 public:
  // Fills in number and repeated, counts, and keeps the message in the log, of which the oldest go
  // beyond kLogMessagesMax messages or `log_bytes_max` bytes.
  void record(ReceivedMessage message, std::size_t log_bytes_max);

  std::uint64_t total() const { return total_; }
  std::uint64_t unique() const { return unique_; }
  std::uint64_t repeated() const { return repeated_; }
  // First arrivals whose number is lower than one of the same prefix that came before.
  std::uint64_t order_violations() const { return order_violations_; }
  std::uint64_t without_id() const { return without_id_; }
  // Members of the bodies of all messages that were no repetition: tag values.
  std::uint64_t values() const { return values_; }
  const std::map<Place, HubTotals>& by_hub() const { return by_hub_; }
  const std::map<std::string, IdSeries, std::less<>>& ids() const { return ids_; }
  const std::set<std::string, std::less<>>& other_ids() const { return other_ids_; }
  const std::map<std::string, CounterSeries, std::less<>>& counters() const { return counters_; }
  const std::deque<ReceivedMessage>& log() const { return log_; }

 private:
  bool is_new(const std::string& id);
  void count_counters(std::string_view body);

  std::uint64_t total_ = 0;
  std::uint64_t unique_ = 0;
  std::uint64_t repeated_ = 0;
  std::uint64_t order_violations_ = 0;
  std::uint64_t without_id_ = 0;
  std::uint64_t values_ = 0;
  std::map<Place, HubTotals> by_hub_;
  std::map<std::string, IdSeries, std::less<>> ids_;
  std::set<std::string, std::less<>> other_ids_;
  std::map<std::string, CounterSeries, std::less<>> counters_;
  std::deque<ReceivedMessage> log_;
  std::size_t log_bytes_ = 0;
};

}  // namespace hubward::simcloud
