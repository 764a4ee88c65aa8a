#pragma once

#include "gateway/config/device_part.h"

namespace hubward::config {

// How an MQTT device is heard and written to: fills `attached`, `topic_filter` and the
// description's kind.
void attach_mqtt(const DeviceFile& file, const GatewayPart* gateway, FileReport& report,
                 DevicePart& part);

}  // namespace hubward::config
