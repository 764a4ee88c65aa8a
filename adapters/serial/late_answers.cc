#include "adapters/serial/late_answers.h"

#include <algorithm>

namespace hubward::serial {

void LateAnswers::expect(std::size_t device, bool lives, SteadyTime now) {
  drop_old(now);
  owed_.push_back({device, lives, now + kLateMax});
}

void LateAnswers::came() {
  if (!owed_.empty()) owed_.pop_front();
}

bool LateAnswers::any(SteadyTime now) {
  drop_old(now);
  return !owed_.empty();
}

bool LateAnswers::any_of_living(SteadyTime now) {
  drop_old(now);
  return std::any_of(owed_.begin(), owed_.end(), [](const Owed& one) { return one.lives; });
}

AnswerRow::Owed LateAnswers::by_others(std::size_t device, SteadyTime now) {
  drop_old(now);
  AnswerRow::Owed owed;
  for (const Owed& one : owed_) {
    if (one.device == device) continue;
    ++owed.answers;
    owed.by_living |= one.lives;
  }
  return owed;
}

std::optional<SteadyTime> LateAnswers::all_over(SteadyTime now) {
  drop_old(now);
  if (owed_.empty()) return std::nullopt;
  return owed_.back().until;
}

std::optional<std::size_t> LateAnswers::latest(SteadyTime now) {
  drop_old(now);
  if (owed_.empty()) return std::nullopt;
  return owed_.back().device;
}

void LateAnswers::drop_old(SteadyTime now) {
  while (!owed_.empty() && owed_.front().until <= now) owed_.pop_front();
}

}  // namespace hubward::serial
