// What the configuration says about equipment on a serial port, or on a TCP socket that
// carries the same bytes.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "gateway/api/byte_stream.h"
#include "gateway/api/reading.h"
#include "proto/serial/framing.h"

namespace hubward::serial {

struct TagSettings {
  TagIndex tag;
  std::string group;  // named group of the pattern
  enum class Type : std::uint8_t { Number, Integer, Text } type = Type::Number;
  double scale = 1.0;  // numbers only: value = raw * scale + offset
  double offset = 0.0;
};

struct DeviceSettings {
  DeviceIndex device;
  std::variant<TcpEndpoint, SerialSettings> attachment;
  FrameSettings frames;
  std::string pattern;  // regular expression with named groups, matched against a frame's content
  std::vector<TagSettings> tags;
};

}  // namespace hubward::serial
