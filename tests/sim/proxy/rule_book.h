// The rules in force, and what they mean for one connection. No I/O.
#pragma once

#include <map>
#include <set>
#include <vector>

#include "proto/time.h"
#include "tests/sim/proxy/rule.h"

namespace hubward::simproxy {

// What happens to the bytes of one direction of one connection now.
struct Treatment {
  bool stalled = false;
  bool swallowed = false;
  std::chrono::milliseconds delay{0};
  std::chrono::milliseconds jitter{0};
  std::uint64_t piece_bytes = 0;  // 0: no limit
  std::chrono::milliseconds piece_every{0};
};

struct CutOrder {
  RuleId rule = 0;
  std::uint64_t after = 0;
  std::uint64_t after_max = 0;
  Ending ending = Ending::Reset;
};

// Single-threaded. Of several rules of one kind the newest decides; delays add up.
class RuleBook {
 public:
  // `next`: the id that the next new connection will have.
  RuleId add(Rule rule, ConnectionId next, SteadyTime now);
  bool remove(RuleId id) { return rules_.erase(id) != 0; }
  void clear() { rules_.clear(); }
  // Ends what has lasted long enough. True if that was anything.
  bool expire(SteadyTime now);
  [[nodiscard]] std::optional<SteadyTime> next_expiry() const;

  [[nodiscard]] bool refuses(std::string_view target) const;
  // Asking counts against the `times` of a rule the first time a connection asks.
  [[nodiscard]] bool hangs(ConnectionId connection, std::string_view target);
  [[nodiscard]] Treatment treatment(ConnectionId connection, std::string_view target,
                                    Direction direction);
  [[nodiscard]] std::vector<CutOrder> cuts(ConnectionId connection, std::string_view target,
                                           Direction direction);

  struct Entry {
    Rule rule;
    ConnectionId next_at_start = 0;
    SteadyTime since{};
    std::set<ConnectionId> taken;  // whom it has befallen
  };
  [[nodiscard]] const std::map<RuleId, Entry>& rules() const { return rules_; }

 private:
  static bool befalls(Entry& entry, ConnectionId connection, std::string_view target);
  static bool befalls(Entry& entry, ConnectionId connection, std::string_view target,
                      Direction direction);

  std::map<RuleId, Entry> rules_;
  RuleId last_ = 0;
};

}  // namespace hubward::simproxy
