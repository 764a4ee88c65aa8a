// A clock moved by hand.
#pragma once

#include "gateway/api/clock.h"

namespace hubward::test {

class ManualClock final : public Clock {
 public:
  // 2026-01-05T08:00:00Z, the day the examples of the reference play.
  static constexpr WallTime kStart{std::chrono::milliseconds{1767600000000}};

  [[nodiscard]] SteadyTime steady() const override { return steady_; }
  [[nodiscard]] WallTime wall() const override { return wall_; }
  [[nodiscard]] bool wall_is_trusted() const override { return trusted_; }

  void advance(std::chrono::nanoseconds by) { set_steady(steady_ + by); }
  void set_steady(SteadyTime to) {
    wall_ += std::chrono::duration_cast<std::chrono::milliseconds>(to.time_since_epoch()) -
             std::chrono::duration_cast<std::chrono::milliseconds>(steady_.time_since_epoch());
    steady_ = to;
  }
  void step_wall(std::chrono::milliseconds by) { wall_ += by; }
  void set_trusted(bool trusted) { trusted_ = trusted; }

 private:
  SteadyTime steady_{std::chrono::hours{1}};
  WallTime wall_ = kStart;
  bool trusted_ = true;
};

}  // namespace hubward::test
