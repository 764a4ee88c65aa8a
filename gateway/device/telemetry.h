// From the readings of one response to the messages that the cloud gets.
#pragma once

#include <cstdint>
#include <vector>

#include "gateway/api/device_description.h"
#include "gateway/api/outbox.h"
#include "gateway/api/reading.h"
#include "gateway/device/report_filter.h"

namespace hubward::device {

// What every message of this run carries, so that its time can be corrected later.
struct RunStamp {
  std::uint64_t boot_id = 0;
  bool clock_trusted = true;
};

// Messages beyond this are split: the hub takes 256 KB, and quotas count blocks of 4.
inline constexpr std::size_t kBodyBytesMax = std::size_t{64} * 1024;

// The messages of one poll, collected from its responses. One for each component that has a good
// value among the telemetry tags; the body is {"tag":value,...} in the order of the readings. Bad
// readings and properties are left out: a value of the wrong type would make the cloud drop the
// whole message (Plug and Play conventions, telemetry). That a tag which reports on change became
// bad is told in the message's property "bad": "flow=no_value", separated by commas. A message is
// as urgent as its most urgent tag, and has the time of the first response in it.
class PollMessages {
 public:
  // `device` outlives this.
  explicit PollMessages(const DeviceDescription& device)
      : device_(device), filter_(device), told_(device.tags.size()) {}

  void add(const ReadingBatch& batch, const RunStamp& stamp);
  [[nodiscard]] bool is_urgent() const;
  [[nodiscard]] std::vector<OutboxMessage> take();
  // The store did not keep a message: whatever reports on change is told once more, lest a value
  // that nobody has is taken for told.
  void on_refused() { filter_.forget(); }

 private:
  OutboxMessage& message_for(const std::string& component, const ReadingBatch& batch,
                             const RunStamp& stamp);
  void add(const TagReading& reading, const ReadingBatch& batch, const RunStamp& stamp);
  void seal();

  const DeviceDescription& device_;
  ReportFilter filter_;
  std::vector<OutboxMessage> messages_;  // bodies without their last brace
  std::size_t open_from_ = 0;            // what lies before takes no more
  std::vector<bool> told_;               // by tag: in a message that is open
};

}  // namespace hubward::device
