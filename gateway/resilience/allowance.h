// How fast the sessions with one hub may send, read twins and report properties, all devices
// together: the hub counts these separately and closes connections over its limits.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <vector>

#include "gateway/api/reading.h"
#include "gateway/resilience/limits.h"
#include "gateway/resilience/token_bucket.h"

namespace hubward::resilience {

enum class Use : std::uint8_t {
  Send,
  BacklogSend,  // of a message stored earlier: counts as a send too
  TwinRead,
  TwinUpdate,
};

// Single-threaded; one for each hub.
class Allowance {
 public:
  explicit Allowance(const Limits& limits);

  // True: taken. False: the device stands in line, and next_served() will name it.
  bool take(Use use, DeviceIndex device, SteadyTime now);
  // Stands in no line any more.
  void leave(DeviceIndex device);

  // Whose turn it is: it may take() a few times now, until the next call of this.
  [[nodiscard]] std::optional<DeviceIndex> next_served(SteadyTime now);
  // When next_served() will name somebody; nothing while nobody stands in line.
  [[nodiscard]] std::optional<SteadyTime> next_at(SteadyTime now);
  [[nodiscard]] std::size_t waiting() const;

 private:
  class Line {
   public:
    Line(double per_second, double make_up_seconds);  // 0: unlimited
    bool take(DeviceIndex device, SteadyTime now);
    void put_back();
    void leave(DeviceIndex device);
    std::optional<DeviceIndex> serve(SteadyTime now);
    void end_service();
    [[nodiscard]] std::optional<SteadyTime> next_at(SteadyTime now);
    [[nodiscard]] std::size_t size() const { return known_.size(); }

   private:
    std::optional<TokenBucket> bucket_;
    std::deque<DeviceIndex> waiting_;
    std::set<DeviceIndex> known_;
    std::optional<DeviceIndex> served_;
    unsigned reserved_ = 0;  // tokens taken for served_ and not used yet
  };
  Line& line(Use use) { return lines_[static_cast<std::size_t>(use)]; }

  std::array<Line, 4> lines_;  // by Use
};

}  // namespace hubward::resilience
