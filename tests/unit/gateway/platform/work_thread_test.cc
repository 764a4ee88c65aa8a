#include "gateway/platform/work_thread.h"

#include <doctest/doctest.h>

#include <future>
#include <memory>
#include <optional>
#include <string>

using namespace hubward::platform;
using namespace std::chrono_literals;

TEST_CASE("calls run one after the other, in the order they came") {
  std::string order;
  std::promise<void> done;
  WorkThread thread;
  thread.run([&] { order += "a"; });
  thread.run([&] { order += "b"; });
  thread.run([&] { done.set_value(); });
  done.get_future().wait();
  CHECK(order == "ab");
}

TEST_CASE("at the end the call that runs is waited for, and those behind it never begin") {
  bool finished = false;
  bool begun = false;
  std::promise<void> entered;
  std::promise<void> dropped;  // when the second call is gone
  std::optional<WorkThread> thread(std::in_place);
  thread->run([&] {
    entered.set_value();
    // Without an end only where the promise is broken: then the check below says so.
    finished = dropped.get_future().wait_for(5s) == std::future_status::ready;
  });
  {
    const std::shared_ptr<void> mark(nullptr, [&](void*) { dropped.set_value(); });
    thread->run([&begun, mark] { begun = true; });
  }
  entered.get_future().wait();
  thread.reset();
  CHECK(finished);
  CHECK_FALSE(begun);
}
