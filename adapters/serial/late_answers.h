// What was asked for on a line, has not come in time and may come yet.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <optional>

#include "adapters/serial/answer_row.h"
#include "proto/time.h"

namespace hubward::serial {

// For lines whose answers do not say whose they are. Pure.
class LateAnswers {
 public:
  // Instruments that average or wait for something to settle are late by seconds.
  static constexpr std::chrono::seconds kLateMax{5};

  // `lives`: it answered not long ago, so that it is late rather than gone.
  void expect(std::size_t device, bool lives, SteadyTime now);
  // One came, nobody knows whose: it was the first that was asked for.
  void came();
  void forget() { owed_.clear(); }

  [[nodiscard]] bool any(SteadyTime now);
  [[nodiscard]] bool any_of_living(SteadyTime now);
  // Of others than this device.
  [[nodiscard]] AnswerRow::Owed by_others(std::size_t device, SteadyTime now);
  // When none can come any more; nothing if none is awaited.
  [[nodiscard]] std::optional<SteadyTime> all_over(SteadyTime now);
  // Whose it would most likely be.
  [[nodiscard]] std::optional<std::size_t> latest(SteadyTime now);

 private:
  struct Owed {
    std::size_t device;
    bool lives;
    SteadyTime until;
  };
  void drop_old(SteadyTime now);

  std::deque<Owed> owed_;  // in the order of `until`
};

}  // namespace hubward::serial
