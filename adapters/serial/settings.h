// What the configuration says about equipment on a serial port, or on a TCP socket that carries the
// same bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "gateway/api/byte_stream.h"
#include "gateway/api/reading.h"
#include "proto/serial/binary_field.h"
#include "proto/serial/csv.h"
#include "proto/serial/field.h"
#include "proto/serial/framing.h"

namespace hubward::serial {

// Where a tag's value stands in the content of a frame.
struct PatternGroup {
  std::string name;
};
struct CsvColumn {
  std::size_t number = 0;   // from 1; 0: by name
  std::string name{};       // as in the header line, which is the last line that has all names
  std::size_t columns = 1;  // so many columns from there on, with the separator between them
};
struct FixedColumns {
  std::size_t from = 1;  // the first character is 1
  std::size_t width = 1;
};
struct JsonMember {
  std::string pointer;  // RFC 6901
};

struct TagSettings {
  TagIndex tag{};
  std::variant<PatternGroup, CsvColumn, FixedColumns, JsonMember, BinaryField> where{};
  // How the text is read. A BinaryField has a type of its own.
  enum class Type : std::uint8_t {
    Number,
    Integer,
    Text,
    Hex,
    Boolean,
    DegreesMinutes
  } type = Type::Number;
  double scale = 1.0;  // numbers only: value = raw * scale + offset
  double offset = 0.0;
  NumberForm form{};
  // Regular expression that the beginning of the content has to match, or this tag has no value in
  // the frame; empty: in every frame.
  std::string when{};
};

struct DeviceSettings {
  DeviceIndex device;
  std::variant<TcpEndpoint, SerialSettings> attachment;
  FrameSettings frames;
  // Regular expression with named groups, matched against the whole content; empty: there is none.
  std::string pattern;
  CsvForm csv;
  // Regular expression: content that gives no tag a value and matches is no bad input.
  std::string ignore;
  std::vector<TagSettings> tags;
};

}  // namespace hubward::serial
