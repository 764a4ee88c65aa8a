#pragma once

#include <string>

#include "gateway/config/device_part.h"

namespace hubward::config {

// How a serial device's frames are told apart; `attach` is the pointer to the object that says so.
[[nodiscard]] serial::FrameSettings frame_settings(const SerialProtocolFields& fields,
                                                   const std::string& attach, FileReport& report);

// Fills what is the same on a serial port and behind a converter, and checks it.
void describe_serial(const DeviceFile& file, const SerialProtocolFields& fields,
                     serial::DeviceSettings& device, FileReport& report);

}  // namespace hubward::config
