// What the configuration says about devices that publish to the local MQTT broker.
#pragma once

#include <string>
#include <vector>

#include "gateway/api/reading.h"

namespace hubward::mqtt {

struct TagSettings {
  TagIndex tag;
  std::string pointer;  // JSON Pointer (RFC 6901) into the payload; "" is the whole payload
};

struct DeviceSettings {
  DeviceIndex device;
  std::string device_name;     // what {device} stands for in the template
  std::string topic_template;  // e.g. "plant/{device}/telemetry"; + allowed, # at the end
  std::vector<TagSettings> tags;
};

}  // namespace hubward::mqtt
