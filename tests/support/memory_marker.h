#pragma once

#include <functional>
#include <utility>
#include <vector>

#include "gateway/api/marker.h"

namespace hubward::test {

// A marker on a disk that is as slow as the test wants, or takes nothing.
class MemoryMarker final : public Marker {
 public:
  [[nodiscard]] bool stood() const override { return stands; }
  void put(std::function<void(const Status&)> done) override { ask(true, std::move(done)); }
  void clear(std::function<void(const Status&)> done) override { ask(false, std::move(done)); }

  // The disk has come round to all that was asked of it.
  void work() {
    for (auto& [wish, done] : std::exchange(waiting, {})) {
      if (takes_nothing) {
        stands = stands && stands_after_failure;
        done(failure(ErrorCode::StoreFailed, ErrorKind::Transient, "the disk is full"));
      } else {
        stands = wish;
        done({});
      }
    }
  }

  bool stands = false;
  bool slow = false;
  bool takes_nothing = false;
  bool stands_after_failure = true;
  std::vector<std::pair<bool, std::function<void(const Status&)>>> waiting;

 private:
  void ask(bool wish, std::function<void(const Status&)> done) {
    waiting.emplace_back(wish, std::move(done));
    if (!slow) work();
  }
};

}  // namespace hubward::test
