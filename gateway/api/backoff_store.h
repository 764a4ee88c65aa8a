#pragma once

#include <optional>
#include <string>
#include <vector>

#include "proto/error_code.h"
#include "proto/time.h"

namespace hubward {

// How far one device's recovery has come: what a restart must not forget, because a process that is
// started again and again would otherwise ask the services each time as if for the first time.
struct BackoffRecord {
  unsigned failures = 0;  // 0: there is nothing to remember
  unsigned steps = 0;
  unsigned unreachable = 0;
  unsigned refusals = 0;
  unsigned soft = 0;
  bool dps_asked_in_step = false;
  SteadyTime not_before{};         // of the next attempt
  SteadyTime dps_not_before{};     // of the next conversation with DPS
  std::optional<ErrorCode> why{};  // of the newest failure, for people
  friend bool operator==(const BackoffRecord&, const BackoffRecord&) = default;
};

// An endpoint that did not answer: how far the pauses between two looks at it have grown, and those
// between two questions to DPS whether it is still the right hub.
struct GateRecord {
  std::string gate;  // host of a hub; empty: DPS
  unsigned steps = 0;
  SteadyTime next_look{};
  unsigned questions = 0;
  SteadyTime next_question{};
  SteadyTime named{};  // by the endpoint itself: no look before
  friend bool operator==(const GateRecord&, const GateRecord&) = default;
};

// Kept across restarts. Instants are of this process's steady clock: an implementation carries them
// over, also past a start of the machine.
class BackoffStore {
 public:
  virtual ~BackoffStore() = default;
  // Any thread; from memory.
  [[nodiscard]] virtual std::optional<BackoffRecord> load(
      const std::string& registration_id) const = 0;
  [[nodiscard]] virtual std::vector<GateRecord> load_gates() const = 0;
  // Any thread; visible to load() at once, written to disk soon, elsewhere. A record without
  // failures is forgotten.
  virtual void save(const std::string& registration_id, const BackoffRecord& record) = 0;
  virtual void save_gates(std::vector<GateRecord> gates) = 0;
};

// Remembers nothing: for tests and for tools that connect once.
class NoBackoffStore final : public BackoffStore {
 public:
  [[nodiscard]] std::optional<BackoffRecord> load(const std::string&) const override {
    return std::nullopt;
  }
  [[nodiscard]] std::vector<GateRecord> load_gates() const override { return {}; }
  void save(const std::string&, const BackoffRecord&) override {}
  void save_gates(std::vector<GateRecord>) override {}
};

}  // namespace hubward
