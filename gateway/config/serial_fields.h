// What a device's file says about the protocol of a serial device: how its frames are told apart
// and checked. The same on a serial port and behind a serial-to-network converter.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "gateway/config/record.h"
#include "proto/serial/framing.h"

namespace hubward::config {

// Texts of bytes are kept as they are written, with escapes.
struct DelimitedFields {
  std::string start;
  std::string end;
  std::size_t bytes_after_end = 0;
};

struct FixedLengthFields {
  std::string start;
  std::size_t bytes = 0;
};

struct LengthPrefixedFields {
  std::string start;
  std::size_t offset = 0;
  std::size_t width = 1;
  serial::ByteOrder byte_order = serial::ByteOrder::HighFirst;
  serial::LengthPrefixed::Counts counts = serial::LengthPrefixed::Counts::Rest;
  std::int64_t add = 0;
};

struct StuffedFields {
  std::string escape = "\\x10";
  std::string start = "\\x02";
  std::string end = "\\x03";
  bool marks_escaped = true;
  std::uint8_t escape_xor = 0;
  std::size_t bytes_after_end = 0;
};

struct FramingFields {  // exactly one
  std::optional<DelimitedFields> delimited;
  std::optional<FixedLengthFields> fixed;
  std::optional<LengthPrefixedFields> length;
  std::optional<StuffedFields> stuffed;
  std::optional<std::chrono::milliseconds> gap;
};

struct SerialProtocolFields {
  std::optional<std::string> delimiter;
  std::optional<FramingFields> framing;
  std::optional<serial::CheckSettings> check;
  std::size_t line_bytes_max = 1024;
  std::string pattern;
};

// One or more bytes, with escapes.
[[nodiscard]] Codec<std::string> bytes_text(std::size_t length_max);
[[nodiscard]] const Codec<FramingFields>& framing_codec();
[[nodiscard]] const Codec<serial::CheckSettings>& check_codec();

// The keys of SerialProtocolFields; `T` inherits from it.
template <class T>
void add_serial_protocol(Record<T>& r) {
  r.required("pattern", &T::pattern, text(1, 1024, "a regular expression with named groups"),
             "a regular expression that matches a whole line; each value is a named group such as "
             "(?<weight>[-0-9.]+)");
  r.optional("delimiter", &T::delimiter, bytes_text(32),
             "the bytes that end a line; carriage return and line feed if left out");
  r.optional("framing", &T::framing, framing_codec(),
             "how frames are told apart, where a delimiter is not enough");
  r.optional("check", &T::check, check_codec(),
             "the checksum of a frame; one whose checksum is wrong is dropped and counted");
  r.optional("line_bytes_max", &T::line_bytes_max, integer_as<std::size_t>(16, 65536),
             "the longest line or frame that is accepted; longer ones are dropped and counted");
}

}  // namespace hubward::config
