// The sockets of the proxy: a door for each target, two ends for each connection.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <vector>

#include "tests/sim/net/event_loop.h"
#include "tests/sim/proxy/lane.h"

namespace hubward::simproxy {

struct Address {
  std::string host;  // IPv4, in digits
  std::uint16_t port = 0;
};

struct Target {
  std::string name;
  Address listen;    // with the real port once it is served
  Address upstream;  // the service that stands behind
};

struct TargetCounts {
  std::uint64_t accepted = 0;
  std::uint64_t open = 0;
  std::uint64_t cut = 0;          // by a rule
  std::uint64_t not_reached = 0;  // the service behind did not answer
  std::uint64_t bytes_up = 0;     // of connections that have ended
  std::uint64_t bytes_down = 0;
  std::uint64_t swallowed_up = 0;
  std::uint64_t swallowed_down = 0;
};

// What there is to see of one connection.
struct ConnectionView {
  ConnectionId id = 0;
  std::string_view target;
  std::uint16_t client_port = 0;
  SteadyTime since{};
  bool hanging = false;
  const Lane* up = nullptr;
  const Lane* down = nullptr;
};

class Connection;

// Single-threaded. Loop, rules and chance outlive it.
class Relay {
 public:
  Relay(simnet::EventLoop& loop, RuleBook& rules, RandomSource& random);
  ~Relay();

  // False if the address is taken.
  [[nodiscard]] bool serve(Target target);
  // Call after the rules have changed, and settle() after that.
  void apply_rules();
  // Moves what is due and ends what is over. Call after each round of the loop, never in one.
  void settle(SteadyTime now);
  [[nodiscard]] std::optional<SteadyTime> next_due(SteadyTime now) const;

  [[nodiscard]] ConnectionId next_connection() const { return next_id_; }
  [[nodiscard]] std::vector<std::string> target_names() const;
  struct TargetView {
    const Target& target;
    bool is_open;
    TargetCounts counts;
  };
  [[nodiscard]] std::vector<TargetView> targets() const;
  [[nodiscard]] std::vector<ConnectionView> connections() const;

 private:
  friend class Connection;
  class Door;
  void accept_from(Door& door);

  simnet::EventLoop& loop_;
  RuleBook& rules_;
  RandomSource& random_;
  std::vector<std::unique_ptr<Door>> doors_;
  std::map<ConnectionId, std::unique_ptr<Connection>> connections_;
  ConnectionId next_id_ = 1;
};

}  // namespace hubward::simproxy
