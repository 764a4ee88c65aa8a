#include "gateway/device/status_rounds.h"

#include <algorithm>

#include "gateway/device/device.h"

namespace hubward::device {
namespace {

using namespace std::chrono_literals;

constexpr auto kInterval = 250ms;
// Messages do not wait for more than this many states at a time, about a millisecond's work.
constexpr std::size_t kDevicesPerTurn = 200;

}  // namespace

StatusRounds::~StatusRounds() { loop_.cancel(timer_); }

void StatusRounds::soon(Device& device) {
  changed_.push_back(&device);
  if (timer_ == TimerId{}) {
    timer_ = loop_.call_at(loop_.clock().steady() + kInterval, [this] { start_round(); });
  }
}

void StatusRounds::forget(Device& device) {
  std::erase(changed_, &device);
  std::replace(round_.begin(), round_.end(), &device, static_cast<Device*>(nullptr));
}

void StatusRounds::start_round() {
  round_.swap(changed_);
  changed_.clear();
  asked_ = 0;
  go_on();
}

void StatusRounds::go_on() {
  timer_ = {};
  const std::size_t until = std::min(round_.size(), asked_ + kDevicesPerTurn);
  for (; asked_ < until; ++asked_) {
    if (Device* const device = round_[asked_]) sink_.device(device->take_status());
  }
  const SteadyTime now = loop_.clock().steady();
  if (asked_ < round_.size()) {
    timer_ = loop_.call_at(now, [this] { go_on(); });
    return;
  }
  round_.clear();
  if (!changed_.empty()) timer_ = loop_.call_at(now + kInterval, [this] { start_round(); });
}

}  // namespace hubward::device
