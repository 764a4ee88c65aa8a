#include "tests/sim/simulation/order_judge.h"

#include <algorithm>

namespace hubward::simulation {
namespace {

// device::SendWindowSettings::drops_max
constexpr unsigned kDropsMax = 5;

}  // namespace

void OrderJudge::on_link_end(bool lost, const Waits& waits) {
  std::erase_if(drops_, [&](const auto& one) { return !waits(one.first); });
  if (sent_.size() == 1 && waits(sent_.front())) {
    const Reading witness = sent_.front();
    for (const auto& [reading, drops] : drops_) {
      if (reading < witness && drops >= kDropsMax) overtaken_.emplace(reading, witness);
    }
  }
  for (auto one = sent_.begin(); one != sent_.end(); ++one) {
    if (!waits(*one)) continue;
    // The end of a link that we gave up counts only against messages that were passed over.
    const bool passed_over =
        std::any_of(one + 1, sent_.end(), [&](Reading later) { return !waits(later); });
    if (lost || passed_over) ++drops_[*one];
  }
  sent_.clear();
}

void OrderJudge::on_process_end(const Waits& waits) {
  on_link_end(true, waits);
  drops_.clear();
}

OrderJudge::Found OrderJudge::judge(const std::deque<simcloud::ReceivedMessage>& log,
                                    const DeviceBook& book) const {
  Found found;
  std::set<Reading> seen;
  Reading newest = 0;
  for (const auto& message : log) {
    const Reading reading = reading_in(message.body);
    if (!seen.insert(reading).second) continue;
    if (reading < newest) {
      const bool may = overtaken_.contains({reading, newest}) || book.has_returned(reading);
      ++(may ? found.forgiven : found.unforgiven);
    }
    newest = std::max(newest, reading);
  }
  return found;
}

}  // namespace hubward::simulation
