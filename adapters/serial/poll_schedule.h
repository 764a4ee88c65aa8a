// Which device of a line is asked what, and when.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "proto/time.h"

namespace hubward::serial {

// Pure: knows no line and no request. The one that is due longest comes first, so a line that is
// asked for too much slows all down alike. A device that does not answer is asked once for each
// step of its back-off, so it costs the others one time-out each; it is never given up.
class PollSchedule {
 public:
  static constexpr std::chrono::milliseconds kFirstPause{1000};
  static constexpr std::chrono::milliseconds kPauseMax{8000};  // back within 10 s

  struct Place {
    std::size_t device;
    std::size_t request;
    friend bool operator==(Place, Place) = default;
  };

  // A device with a request for each interval; all are due at once.
  void add_device(const std::vector<std::chrono::milliseconds>& intervals, SteadyTime now);

  // The line is there again: what was not asked until now was not left out because it was busy.
  void begin(SteadyTime now) { counted_from_ = now; }

  // What is due now.
  [[nodiscard]] std::optional<Place> due(SteadyTime now) const;
  // When something will be due; nothing if nobody is ever asked.
  [[nodiscard]] std::optional<SteadyTime> next_due() const;

  void answered(Place place, SteadyTime now);
  // The device is left alone for `pause_min` at least.
  void missed(Place place, SteadyTime now, std::chrono::milliseconds pause_min = {});
  // What it was left alone for beyond its pause is over.
  void end_extra_pause(std::size_t device);
  // Requests in a row without an answer.
  [[nodiscard]] unsigned misses(std::size_t device) const { return devices_[device].misses; }
  // Polls of a device that answers for which the line was too busy.
  [[nodiscard]] std::uint64_t left_out(std::size_t device) const;

 private:
  struct Request {
    std::chrono::milliseconds interval;
    SteadyTime due;
    std::chrono::nanoseconds behind{};  // all in all, in answers that came too late for the next
  };
  struct Device {
    std::vector<Request> requests;
    unsigned misses = 0;
    SteadyTime not_before{};
    SteadyTime pause_ends{};  // without `pause_min`
  };
  struct Earliest {
    Place place;
    SteadyTime at;
    SteadyTime due;
  };
  [[nodiscard]] std::optional<Earliest> earliest() const;
  void move_on(Place place, SteadyTime now);

  std::vector<Device> devices_;
  SteadyTime counted_from_{};
};

}  // namespace hubward::serial
