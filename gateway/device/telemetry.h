// From the readings of one response to the messages that the cloud gets.
#pragma once

#include <cstdint>
#include <vector>

#include "gateway/api/device_description.h"
#include "gateway/api/outbox.h"
#include "gateway/api/reading.h"

namespace hubward::device {

// What every message of this run carries, so that its time can be corrected later.
struct RunStamp {
  std::uint64_t boot_id = 0;
  bool clock_trusted = true;
};

// One message for each component that has a good value among the telemetry tags; the body is
// {"tag":value,...} in the order of the readings. Bad readings and properties are left out: a value
// of the wrong type would make the cloud drop the whole message (Plug and Play conventions,
// telemetry). A message is as urgent as its most urgent tag.
[[nodiscard]] std::vector<OutboxMessage> telemetry_messages(const DeviceDescription& device,
                                                            const ReadingBatch& batch,
                                                            const RunStamp& stamp);

}  // namespace hubward::device
