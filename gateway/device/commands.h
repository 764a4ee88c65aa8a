// Commands from the cloud: which tag one means, and what its caller is told.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "gateway/api/device_description.h"
#include "gateway/api/southbound.h"
#include "proto/hub/methods.h"
#include "proto/result.h"

namespace hubward::device {

struct PlannedWrite {
  TagIndex tag;
  TagValue value;
};

// A command is named like the writable tag it writes (`component*tag`, or `tag` for the default
// component); its body is the value. Errors: NotWritable (also for no such tag), BadValue,
// OutOfRange.
[[nodiscard]] Result<PlannedWrite> plan_write(const DeviceDescription& device,
                                              std::string_view component, std::string_view command,
                                              std::string_view payload);

struct CommandAnswer {
  hub::MethodStatus status;
  std::string body;  // JSON object with "result" and "message", after a write also "value"
};

// Success is said only when the equipment confirmed it.
[[nodiscard]] CommandAnswer answer_for(const WriteResult& result, const TagValue& wanted);
[[nodiscard]] CommandAnswer answer_for(const Error& refusal);

}  // namespace hubward::device
