#include "adapters/modbus/answer_times.h"

#include <algorithm>

namespace hubward::modbus {
namespace {

constexpr double kMeanGain = 1.0 / 8;
constexpr double kDeviationGain = 1.0 / 4;

}  // namespace

void AnswerTimes::note(std::chrono::nanoseconds turnaround) {
  const Time time = std::max(turnaround, std::chrono::nanoseconds{0});
  if (!any_) {
    any_ = true;
    mean_ = time;
    deviation_ = time / 2;
    return;
  }
  const Time error = time - mean_;
  deviation_ += (std::max(error, -error) - deviation_) * kDeviationGain;
  mean_ += error * kMeanGain;
}

std::optional<std::chrono::nanoseconds> AnswerTimes::usual() const {
  if (!any_) return std::nullopt;
  return std::chrono::duration_cast<std::chrono::nanoseconds>(mean_);
}

std::optional<std::chrono::nanoseconds> AnswerTimes::longest() const {
  if (!any_) return std::nullopt;
  return std::chrono::duration_cast<std::chrono::nanoseconds>(mean_ + deviation_ * 4);
}

}  // namespace hubward::modbus
