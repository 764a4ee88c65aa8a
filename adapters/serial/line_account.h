// Who uses how much of a line on which devices are asked, and what their intervals need.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "adapters/serial/poll_schedule.h"
#include "gateway/api/line_use.h"
#include "proto/time.h"

namespace hubward::serial {

// Pure and single-threaded. A line is one device's from what it is asked until it has answered or
// its time is over, and as long as nobody else may be asked because of it.
class LineAccount {
 public:
  // Over which time `used` is told.
  static constexpr std::chrono::seconds kUseWindow{10};

  struct Request {
    std::chrono::milliseconds interval{};
    std::chrono::nanoseconds least{};  // what it needs, until it has been measured
  };
  void add_device(DeviceIndex device, const std::vector<Request>& requests);

  // The line is this device's from now on, whosever it was, but not beyond `until`.
  void begin(std::size_t device, SteadyTime now, SteadyTime until = SteadyTime::max());
  void end(SteadyTime now);

  void asked(std::size_t device, SteadyTime now);
  // A request was answered after `took`, `on_line` of which its bytes were on their way.
  void answered(PollSchedule::Place place, std::chrono::nanoseconds took,
                std::chrono::nanoseconds on_line);
  void unanswered(std::size_t device) { ++parts_[device].unanswered; }

  // `schedule` has the same devices and knows what was left out.
  [[nodiscard]] LineUse look(const std::string& place, const PollSchedule& schedule,
                             SteadyTime now);

 private:
  using Time = std::chrono::duration<double, std::nano>;
  struct Need {
    std::chrono::milliseconds interval{};
    Time exchange{};
    bool is_measured = false;
  };
  struct Part {
    DeviceIndex device;
    std::vector<Need> needs;
    std::optional<Time> turnaround;
    std::chrono::nanoseconds busy{}, busy_before{};
    std::uint64_t requests = 0;
    std::uint64_t unanswered = 0;
    double used = 0;
  };
  struct Holder {
    std::size_t device;
    SteadyTime since;
    SteadyTime until;
  };

  std::vector<Part> parts_;
  std::optional<Holder> holder_;
  std::optional<SteadyTime> window_from_;
};

}  // namespace hubward::serial
