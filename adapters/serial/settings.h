// What the configuration says about equipment on a serial port, or on a TCP socket that carries the
// same bytes.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "gateway/api/byte_stream.h"
#include "gateway/api/reading.h"
#include "proto/extract/binary_field.h"
#include "proto/extract/csv.h"
#include "proto/extract/place.h"
#include "proto/extract/value.h"
#include "proto/serial/framing.h"

namespace hubward::serial {

using extract::BinaryField;
using extract::BinaryType;
using extract::CsvColumn;
using extract::CsvForm;
using extract::FixedColumns;
using extract::JsonMember;
using extract::NumberForm;

// Where a tag's value stands in the content of a frame, beside the places of proto/extract.
struct PatternGroup {
  std::string name;
};
struct OnlyWritten {};

// How a value is written. Texts of bytes as CommandTemplate takes them.
struct WriteSettings {
  std::string send{};
  // Regular expressions for the content of the answer that confirms the value, and of one that
  // refuses it; empty: there is none. Without the first no write is ever known to have happened.
  std::string confirmed{};
  std::string refused{};
  std::optional<unsigned> decimals{};  // behind the point; as many as needed if left out
  std::size_t width = 0;               // zeros in front, up to so many characters
  std::string on = "1";                // true
  std::string off = "0";
  std::optional<std::chrono::milliseconds> timeout{};  // of its answer; the device's if left out
};

struct TagSettings {
  TagIndex tag{};
  std::variant<PatternGroup, CsvColumn, FixedColumns, JsonMember, BinaryField, OnlyWritten> where{};
  // How the text is read. A BinaryField has a type of its own.
  using Type = extract::TextType;
  Type type = Type::Number;
  double scale = 1.0;  // numbers only: value = raw * scale + offset
  double offset = 0.0;
  NumberForm form{};
  // Regular expression that the beginning of the content has to match, or this tag has no value in
  // the frame; empty: in every frame.
  std::string when{};
  // Only the answer to this request holds it, by its place in the device's `requests`.
  std::optional<std::size_t> request{};
  std::optional<WriteSettings> write{};
};

struct RequestSettings {
  std::string send{};  // as CommandTemplate takes it, without {value}
  std::chrono::milliseconds interval{1000};
};

struct DeviceSettings {
  DeviceIndex device{};
  FrameSettings frames{};
  // Regular expression with named groups, matched against the whole content; empty: there is none.
  std::string pattern{};
  CsvForm csv{};
  // Regular expression: content that gives no tag a value and matches is no bad input.
  std::string ignore{};
  std::vector<RequestSettings> requests{};  // none: it speaks by itself
  std::chrono::milliseconds response_timeout{1000};
  // An answer says whose it is: another device's late answer cannot pass for this one's.
  bool answers_name_it = false;
  std::vector<TagSettings> tags{};
};

// What hangs on one port. Several devices only if all are polled.
struct LineSettings {
  std::variant<TcpEndpoint, SerialSettings> attachment;
  std::vector<DeviceSettings> devices;
  // Of a line behind a TcpEndpoint, where somebody said it.
  std::optional<std::uint32_t> baud_behind{};
};

}  // namespace hubward::serial
