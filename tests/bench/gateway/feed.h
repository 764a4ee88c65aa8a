// Gives the gateway readings as an adapter would, in turn to all devices, at a pace.
#pragma once

#include <functional>
#include <string>

#include "tests/bench/gateway/bench_gateway.h"
#include "tests/bench/support/pace.h"

namespace hubward::bench {

// On the gateway's loop; one order at a time.
class Feed {
 public:
  explicit Feed(BenchGateway& gateway) : gateway_(gateway) {}

  // `done` runs once with what was measured, as a JSON object: when everything fed has been
  // acknowledged, or the order's settling time is over.
  void start(const FeedOrder& order, std::function<void(std::string)> done);

 private:
  void tick();
  [[nodiscard]] Progress progress() const;
  [[nodiscard]] std::string report() const;

  BenchGateway& gateway_;
  FeedOrder order_;
  std::function<void(std::string)> done_;
  SteadyTime started_{};
  std::optional<SteadyTime> fed_at_;
  std::uint64_t released_before_ = 0;
  std::uint64_t fed_ = 0;
  std::uint64_t stored_ = 0;
  std::uint64_t refused_ = 0;
  std::uint32_t next_device_ = 0;
  std::int64_t next_value_ = 0;
};

}  // namespace hubward::bench
