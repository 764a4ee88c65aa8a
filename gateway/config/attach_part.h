#pragma once

#include <string>

#include "gateway/config/device_part.h"

namespace hubward::config {

// The part of make_device_part() that is about the wire: fills `attached`, `topic_filter` and the
// description's kind, and checks what the tags say about registers, groups and pointers.
void attach_device(const DeviceFile& file, const GatewayPart* gateway, FileReport& report,
                   DevicePart& part);

// Says what is wrong with a JSON Pointer that begins with /.
void check_json_pointer(const std::string& pointer, const std::string& at, FileReport& report);

}  // namespace hubward::config
