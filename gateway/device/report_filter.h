// Which readings are worth telling the cloud. Pure; one per device, for the device's life.
#pragma once

#include <optional>
#include <vector>

#include "gateway/api/device_description.h"
#include "proto/time.h"

namespace hubward::device {

class ReportFilter {
 public:
  // `device` outlives this.
  explicit ReportFilter(const DeviceDescription& device)
      : device_(device), reported_(device.tags.size()) {}

  // Whether this reading, taken at `at`, is to be told; then it counts as told. A tag that reports
  // each reading always is. One that reports on change is: with its first value, when the value has
  // left the dead band around the one told last, when its quality changes, and when it has been
  // silent for too long.
  [[nodiscard]] bool passes(const TagReading& reading, SteadyTime at);
  // What was told may not have arrived: each tag's next reading is to be told.
  void forget() { reported_.assign(reported_.size(), std::nullopt); }

 private:
  struct Reported {
    TagReading reading;
    SteadyTime at;
  };
  const DeviceDescription& device_;
  std::vector<std::optional<Reported>> reported_;  // by tag; only of those that report on change
};

}  // namespace hubward::device
