// Where a value, a time or a quality stands in an MQTT message, from a file's keys.
#pragma once

#include <string>

#include "adapters/mqtt/settings.h"
#include "gateway/config/report.h"
#include "gateway/config/serial_fields.h"

namespace hubward::config {

// `at` is the place of the object that has the keys; `may_be_whole`: a JSON message without a
// pointer is the value itself.
[[nodiscard]] mqtt::Place mqtt_place(mqtt::PayloadForm form, const SerialTagFields& fields,
                                     bool may_be_whole, const std::string& at, FileReport& report);

}  // namespace hubward::config
