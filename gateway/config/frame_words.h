// How frames are told apart and checked, said on the command line with the keys of a device's file:
//   length   offset=1,width=2,counts=frame        for "framing": {"length": {...}}
//   stuffed  escape=\x10,marks_escaped=false      for "framing": {"stuffed": {...}}
//   check    crc16_modbus,byte_order=low_first    for "check": {"type": "crc16_modbus", ...}
#pragma once

#include <optional>
#include <string>

#include "proto/result.h"
#include "proto/serial/framing.h"

namespace hubward::config {

struct FrameWords {
  std::optional<std::string> length{};   // not both
  std::optional<std::string> stuffed{};  // may be empty: all as usual
  std::optional<std::string> check{};
};

// Into `frames`, which keeps what is not said. Error ConfigInvalid: as the file's check would say.
[[nodiscard]] Status add_frame_words(const FrameWords& words, serial::FrameSettings& frames);

}  // namespace hubward::config
