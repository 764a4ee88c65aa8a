// The circuit breaker of one endpoint (a hub's host, or DPS): what is the endpoint's fault is found
// out by one device for all of them, and when the endpoint is back they do not rush in together.
#pragma once

#include <chrono>
#include <optional>
#include <set>

#include "gateway/api/random_source.h"
#include "gateway/api/reading.h"
#include "gateway/resilience/backoff.h"
#include "proto/time.h"

namespace hubward::resilience {

struct BreakerSettings {
  // Failures without an answer in between that open it, if they are of `devices_to_open` devices.
  unsigned failures_to_open = 3;
  // More than one: a single device's trouble must not hold up the others.
  unsigned devices_to_open = 2;
  // So many sessions that end within `same_event` of each other are one event.
  unsigned sessions_to_open = 3;
  std::chrono::milliseconds same_event{1000};
  // Pauses between two looks at an endpoint that does not answer.
  BackoffSettings pauses{.initial = std::chrono::seconds(2), .max = std::chrono::minutes(1)};
  // While it closes, so many attempts may be under way at once, twice as many after each answer;
  // with `close_at` it is closed.
  unsigned first_attempts = 2;
  unsigned close_at = 64;
  // Where there are not so many devices, it is closed after this time without a failure.
  std::chrono::milliseconds close_after{30000};
};

// Single-threaded. Every attempt that was admitted ends with exactly one on_answer(), on_failure()
// or forget().
class Breaker {
 public:
  enum class State : std::uint8_t {
    Closed,   // everybody may try
    Open,     // one device looks, with growing pauses; the others wait
    Closing,  // it answers again; more and more may try
  };

  Breaker(BreakerSettings settings, RandomSource& random);

  [[nodiscard]] State state() const { return state_; }
  // Whether one more attempt may begin now.
  [[nodiscard]] bool admits(SteadyTime now) const;
  // When to ask admits() again, while it is only time that is missing.
  [[nodiscard]] std::optional<SteadyTime> admits_at() const;
  // While Open, when the next look may begin; nothing while one is under way.
  [[nodiscard]] std::optional<SteadyTime> next_look() const;
  // Since when it has been open, while it is.
  [[nodiscard]] std::optional<SteadyTime> open_since() const;
  void on_attempt(DeviceIndex device, SteadyTime now);

  // The endpoint answered, whatever it said to this device. True: the attempt before it had failed.
  bool on_answer(DeviceIndex device, SteadyTime now);
  // The attempt failed for a reason that is the endpoint's or the network's. `certain`: one such
  // failure is enough to open it. `at_least`: the endpoint itself asked for this pause.
  void on_failure(DeviceIndex device, SteadyTime now, bool certain = false,
                  std::chrono::milliseconds at_least = {});
  // The outcome of the device's attempt will never be known.
  void forget(DeviceIndex device, SteadyTime now);
  // A session that had stood has ended without our doing.
  void on_session_lost(DeviceIndex device, SteadyTime now);

  // There is reason to hope that it answers now: the next look need not wait for its pause, only
  // for the time that the endpoint itself has named.
  void hasten_look(SteadyTime now);

  // For a restart: where the pauses stand, and to begin where an earlier process stood. A process
  // that dies in a look has used up a pause.
  struct Memory {
    unsigned steps = 0;
    SteadyTime next_look{};
    SteadyTime named{};  // by the endpoint
  };
  [[nodiscard]] std::optional<Memory> memory() const;  // while Open
  void reopen(const Memory& memory, SteadyTime now);
  [[nodiscard]] unsigned steps() const { return pauses_.steps(); }

 private:
  void open(SteadyTime next_look, SteadyTime now);
  void close();
  void close_if_quiet(SteadyTime now);
  void forget_failures();

  BreakerSettings settings_;
  Backoff pauses_;
  State state_ = State::Closed;
  std::set<DeviceIndex> under_way_;
  unsigned attempts_max_ = 0;   // while Closing
  SteadyTime answers_since_{};  // while Closing
  SteadyTime next_look_{};      // while Open
  SteadyTime open_since_{};     // while Open
  SteadyTime look_began_{};     // while Open and under way
  SteadyTime named_{};          // by the endpoint: no look before
  unsigned failures_ = 0;       // without an answer in between
  std::set<DeviceIndex> failed_;
  std::set<DeviceIndex> sessions_lost_;
  SteadyTime first_lost_{};
};

}  // namespace hubward::resilience
