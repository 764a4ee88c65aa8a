#include "tests/support/run_until.h"

namespace hubward::test {
namespace {

constexpr std::chrono::milliseconds kLookEvery{2};

void look(platform::AsioLoop& loop, const std::function<bool()>& done, SteadyTime until,
          bool& came) {
  came = done();
  if (came || loop.clock().steady() >= until) return loop.stop();
  loop.call_at(loop.clock().steady() + kLookEvery, [&, until] { look(loop, done, until, came); });
}

}  // namespace

bool run_until(platform::AsioLoop& loop, const std::function<bool()>& done,
               std::chrono::seconds deadline) {
  const SteadyTime until = loop.clock().steady() + deadline;
  bool came = false;
  loop.post([&] { look(loop, done, until, came); });
  loop.run();
  return came;
}

}  // namespace hubward::test
