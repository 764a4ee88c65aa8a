// Faults on order: rules that match a place and a device and are used up or stay.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/sim/cloud/types.h"

namespace hubward::simcloud {

enum class FaultKind : std::uint8_t {
  Down,               // TCP refused, live connections closed
  Silent,             // accepts everything, answers nothing
  SilentTcp,          // not even the TLS handshake
  Connack,            // CONNECT answered with `code`
  CloseAfterConnack,  // accepted, then closed after `delay`
  PubackDelay,        // PUBACK of telemetry after `delay`
  PubackWithhold,     // telemetry recorded (unless record is false), never acknowledged
  Cut,                // closed inside a message: after `after` more telemetry messages
  Poison,             // closed when a telemetry body contains `text`
  ConnectRate,        // at most `per_second` CONNECTs; the others wait in line
  SendRate,           // at most `per_second` telemetry messages; PUBACKs of the others wait in line
  DpsAnswer,          // DPS answers `code` (401, 404, 429, 500 ...), or `text` failed / disabled
  TwinStatus,         // twin requests answered with `code`
};

struct Fault {
  std::uint64_t id = 0;
  FaultKind kind = FaultKind::Down;
  std::optional<Place> place{};  // any place if absent
  std::string device{};          // device or registration id; any if empty
  int code = 0;
  std::int64_t error_code = 0;  // DpsAnswer: errorCode in the JSON, e.g. 400209
  std::chrono::milliseconds delay{0};
  std::chrono::seconds retry_after{0};  // DpsAnswer 429: sent if not 0
  std::string text{};
  double per_second = 0;
  bool close_excess = false;  // ConnectRate: close what is over the limit instead of queueing it
  bool record = true;         // Cut, PubackWithhold: whether the cloud keeps that message
  bool at_poll = false;       // DpsAnswer: refuse the poll instead of the registration
  std::uint64_t after = 0;
  std::optional<std::uint64_t> times{};  // uses left; stays until removed if absent
  std::uint64_t used = 0;
  SteadyTime line_ends{};  // rates: when the last one in line will be served
};

[[nodiscard]] std::string_view name_of(FaultKind kind);
[[nodiscard]] std::optional<FaultKind> fault_kind(std::string_view name);

class FaultBook {
 public:
  std::uint64_t add(Fault fault);
  bool remove(std::uint64_t id);
  void clear() { faults_.clear(); }
  const std::vector<Fault>& all() const { return faults_; }

  // The oldest matching rule that still has uses; nullptr if there is none. Does not use it up.
  [[nodiscard]] Fault* find(FaultKind kind, Place place, std::string_view device = {});
  // Counts one use and removes a rule that has none left.
  void use(Fault& fault);

 private:
  std::vector<Fault> faults_;
  std::uint64_t next_id_ = 1;
};

// Takes a turn in a line that is served `per_second`: how long this one waits.
[[nodiscard]] std::chrono::nanoseconds wait_in_line(Fault& rate, SteadyTime now);
// Gives that turn back.
void leave_line(Fault& rate);

}  // namespace hubward::simcloud
