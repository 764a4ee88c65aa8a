// One client, the service it wanted, and the two lanes between them.
#pragma once

#include "tests/sim/proxy/relay.h"

namespace hubward::simproxy {

// Belongs to the relay and its loop.
class Connection {
 public:
  Connection(simnet::EventLoop& loop, RandomSource& random, ConnectionId id, const Target& target,
             simnet::Descriptor client, SteadyTime now);
  ~Connection();
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  // Takes over what the rules say now.
  void obey(RuleBook& rules);
  // Moves what may move.
  void settle(SteadyTime now);
  [[nodiscard]] bool is_over() const { return over_; }
  [[nodiscard]] std::optional<SteadyTime> next_due(SteadyTime now) const;
  [[nodiscard]] ConnectionView view() const;
  // What it adds to the counts of its target when it is over.
  void add_to(TargetCounts& counts) const;

 private:
  // One socket. Reads into one lane and is written from the other.
  struct End : simnet::Watcher {
    End(Connection& owner, Lane& into, Lane& from) : connection(owner), in(into), out(from) {}
    void on_ready(std::uint32_t events) override { connection.on_ready(*this, events); }
    Connection& connection;
    Lane& in;
    Lane& out;
    simnet::Descriptor socket;
    std::uint32_t watched = 0;
    bool connecting = false;
    bool blocked = false;  // takes no more bytes for now
    bool silent = false;   // has said that it sends no more
    bool told = false;     // was told that the other one sends no more
    bool gone = false;     // its socket is closed
  };

  void on_ready(End& end, std::uint32_t events);
  void connect_upstream();
  void finish_connecting(End& end);
  void read(End& end, bool all);
  void write(End& end, SteadyTime now);
  void tell_end(End& end, SteadyTime now);
  void lose(End& end);
  void end_both(Ending how);
  void close(End& end, Ending how);
  void watch(End& end);

  simnet::EventLoop& loop_;
  const ConnectionId id_;
  const Target& target_;
  const SteadyTime since_;
  Lane up_, down_;
  End client_{*this, up_, down_};
  End server_{*this, down_, up_};
  std::uint16_t client_port_ = 0;
  bool hanging_ = true;  // until the rules have been looked at
  bool over_ = false;
  bool was_cut_ = false;
  bool not_reached_ = false;
};

// The only place of the proxy that reads a clock.
[[nodiscard]] inline SteadyTime read_clock() { return std::chrono::steady_clock::now(); }

}  // namespace hubward::simproxy
