// What the configuration says about equipment that speaks lines on a serial port or a TCP socket.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "gateway/api/byte_stream.h"
#include "gateway/api/reading.h"

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
  std::string delimiter = "\r\n";
  std::size_t line_bytes_max = 1024;
  std::string pattern;  // regular expression with named groups, matched against the whole line
  std::vector<TagSettings> tags;
};

}  // namespace hubward::serial
