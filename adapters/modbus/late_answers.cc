#include "adapters/modbus/late_answers.h"

#include <algorithm>

namespace hubward::modbus {

void LateAnswers::owe(const Request& request, SteadyTime sent_at) {
  owed_.push_back({request, sent_at});
}

bool LateAnswers::tells_apart(const Request& request) const {
  return std::ranges::none_of(
      owed_, [&](const Owed& owed) { return answers_look_alike(owed.request, request); });
}

bool LateAnswers::owes(FunctionCode function) const {
  return std::ranges::any_of(
      owed_, [&](const Owed& owed) { return function_of(owed.request) == function; });
}

bool LateAnswers::on_frame(std::span<const std::byte> pdu) {
  const auto answered = std::ranges::find_if(
      owed_, [&](const Owed& owed) { return parse_answer(owed.request, pdu).has_value(); });
  if (answered == owed_.end()) return false;
  owed_.erase(owed_.begin(), answered + 1);
  return true;
}

void LateAnswers::forget(SteadyTime now) {
  std::erase_if(owed_, [&](const Owed& owed) { return now >= owed.sent_at + kLateAnswerMax; });
}

std::optional<SteadyTime> LateAnswers::next_forget() const {
  if (owed_.empty()) return std::nullopt;
  return owed_.front().sent_at + kLateAnswerMax;
}

void LateAnswers::remember(const std::optional<Request>& request, std::span<const std::byte> pdu,
                           SteadyTime now) {
  if (remembered_.size() >= kRememberedMax) remembered_.pop_front();
  remembered_.push_back({request, {pdu.begin(), pdu.end()}, now});
}

bool LateAnswers::may_be_repeat(const Request& request, std::span<const std::byte> pdu, bool seen,
                                SteadyTime now) const {
  return std::ranges::any_of(remembered_, [&](const Remembered& known) {
    return now - known.at < kRepeatMax && (seen || known.request != request) &&
           std::ranges::equal(known.pdu, pdu);
  });
}

bool LateAnswers::is_known(std::span<const std::byte> pdu, SteadyTime now) const {
  return std::ranges::any_of(remembered_, [&](const Remembered& known) {
    return now - known.at < kRepeatMax && std::ranges::equal(known.pdu, pdu);
  });
}

}  // namespace hubward::modbus
