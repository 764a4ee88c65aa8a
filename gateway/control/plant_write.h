// A write to a tag that somebody at the command line asks for: what is meant, and what is said of
// it afterwards. Pure; the running gateway and the command line without one share it.
#pragma once

#include <string>

#include "gateway/api/device_description.h"
#include "gateway/api/southbound.h"
#include "proto/json.h"

namespace hubward::control {

struct PlannedWrite {
  TagIndex tag;
  TagValue value;
};

// {"command":"write","device":"press-07","component":"","tag":"target_pressure","value":50},
// checked against that device's tag. Errors: Malformed (no such tag; the context is a sentence),
// NotWritable, BadValue, OutOfRange.
[[nodiscard]] Result<PlannedWrite> plan_write(const DeviceDescription& device,
                                              const json::Value& request);

// {"outcome":"written|refused|expired|unknown", "verified":true, "code":"write_refused",
//  "detail":"exception 2, illegal data address", "holds":50}
[[nodiscard]] std::string write_json(const WriteResult& result);
[[nodiscard]] std::string write_json(const Error& refusal);

}  // namespace hubward::control
