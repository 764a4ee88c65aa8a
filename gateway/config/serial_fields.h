// What a device's file says about the protocol of a serial device: how its frames are told apart
// and checked, and where values stand in them. The same on a serial port and behind a
// serial-to-network converter.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "gateway/config/record.h"
#include "proto/extract/csv.h"
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

struct CsvFields {
  std::string separator = ",";
  bool quotes = true;
  std::size_t columns = 0;
};

struct SerialRequestFields {
  std::string name;
  std::string send;
  std::chrono::milliseconds interval{1000};
};

struct SerialWriteFields {
  std::string send;
  std::string confirmed;
  std::string refused;
  std::optional<unsigned> decimals;
  std::size_t width = 0;
  std::string on = "1";
  std::string off = "0";
  std::optional<std::chrono::milliseconds> timeout;
};

struct SerialProtocolFields {
  std::string address;
  std::vector<SerialRequestFields> requests;
  std::chrono::milliseconds response_timeout{1000};
  std::optional<std::string> delimiter;
  std::optional<FramingFields> framing;
  std::optional<serial::CheckSettings> check;
  std::size_t line_bytes_max = 1024;
  std::string pattern;
  CsvFields csv;
  std::string ignore;
};

// The types of text, and those of binary fields.
enum class SerialType : std::uint8_t {
  Number,
  Integer,
  Text,
  Hex,
  Boolean,
  DegreesMinutes,
  Uint8,
  Int8,
  Uint16,
  Int16,
  Uint24,
  Int24,
  Uint32,
  Int32,
  Uint64,
  Int64,
  Float32,
  Float64,
  Bcd8,
  Bcd16,
  Bcd32,
};

// The keys of a tag that only serial devices have, and `pointer`.
struct SerialTagFields {
  // One of these; a group of the tag's name if there is none.
  std::string group;
  std::optional<std::size_t> column;
  std::string column_name;
  std::optional<std::size_t> from;
  std::optional<std::string> pointer;
  std::optional<std::size_t> byte;
  // More about it.
  std::size_t columns = 1;
  std::optional<std::size_t> width;
  serial::ByteOrder byte_order = serial::ByteOrder::HighFirst;
  std::optional<unsigned> bit;
  std::optional<std::int64_t> mask;
  SerialType serial_type = SerialType::Number;
  bool decimal_comma = false;
  std::string unit_text;
  std::string when;
  std::string request;
  std::optional<SerialWriteFields> write;
};

// One or more bytes, with escapes.
[[nodiscard]] Codec<std::string> bytes_text(std::size_t length_max);
[[nodiscard]] Codec<serial::ByteOrder> serial_byte_order();
[[nodiscard]] Codec<SerialType> serial_type_codec();
[[nodiscard]] const Codec<FramingFields>& framing_codec();
[[nodiscard]] const Codec<serial::CheckSettings>& check_codec();

[[nodiscard]] const Codec<CsvFields>& csv_codec();
[[nodiscard]] const Codec<std::vector<SerialRequestFields>>& requests_codec();
[[nodiscard]] Codec<SerialWriteFields> serial_write_codec();

// The keys of SerialProtocolFields; `T` inherits from it.
template <class T>
void add_serial_protocol(Record<T>& r) {
  r.optional("pattern", &T::pattern, text(1, 1024, "a regular expression with named groups"),
             "a regular expression that matches a whole line; each value is a named group such as "
             "(?<weight>[-0-9.]+). Not needed where the tags name columns, pointers or bytes");
  r.optional("delimiter", &T::delimiter, bytes_text(32),
             "the bytes that end a line; carriage return and line feed if left out");
  r.optional("framing", &T::framing, framing_codec(),
             "how frames are told apart, where a delimiter is not enough");
  r.optional("check", &T::check, check_codec(),
             "the checksum of a frame; one whose checksum is wrong is dropped and counted");
  r.optional("csv", &T::csv, csv_codec(), "how lines are made of columns, for tags that name one");
  r.optional(
      "ignore", &T::ignore, text(1, 1024, "a regular expression"),
      "a regular expression: a line that matches it and holds no tag's value is no bad input");
  r.optional("requests", &T::requests, requests_codec(),
             "what the device is asked, and how often; left out if it speaks by itself");
  r.optional(
      "address", &T::address,
      text(1, 32, "^([A-Za-z0-9_-]|\\\\x[0-9A-Fa-f]{2})+$",
           "letters, digits, - and _, or \\\\xHH for a byte that is none"),
      "the device's address on the line, which {address} stands for in requests, commands and "
      "patterns");
  r.optional("response_timeout_ms", &T::response_timeout, milliseconds(10, 60000),
             "how long a whole answer may take");
  r.optional("line_bytes_max", &T::line_bytes_max, integer_as<std::size_t>(16, 65536),
             "the longest line or frame that is accepted; longer ones are dropped and counted");
}

// The keys of SerialTagFields that say a place, but for `pointer`; `T` inherits from it.
template <class T>
void add_places(Record<T>& r) {
  const auto place = [](std::int64_t least) { return integer_as<std::size_t>(least, 65535); };
  r.optional("column", &T::column, integer_as<std::size_t>(1, extract::kCsvColumnsMax),
             "or: the column of a line of separated columns, the first is 1");
  r.optional("column_name", &T::column_name, text(1, 128, "a column's name in the header line"),
             "or: the column's name in the header line");
  r.optional("from", &T::from, place(1), "or: the first of its characters, from 1; needs width");
  r.optional("width", &T::width, place(1), "how many characters, from \"from\" on");
  r.optional("byte", &T::byte, place(0),
             "or: its first byte, from 0; with one of the types that say how many bits they have");
  r.optional("byte_order", &T::byte_order, serial_byte_order(), "which of its bytes comes first");
  r.optional("bit", &T::bit, integer_as<unsigned>(0, 63),
             "one bit of an unsigned type, 0 is the lowest");
  r.optional("mask", &T::mask, integer(1, std::int64_t{1} << 53),
             "the bits of an unsigned type that count, moved down to the lowest of them");
}

// How a number is written. The same.
template <class T>
void add_number_form(Record<T>& r) {
  r.optional("decimal_comma", &T::decimal_comma, boolean(),
             "true if the device writes 12,5 for twelve and a half");
  r.optional(
      "unit_text", &T::unit_text, bytes_text(32),
      "what has to follow the number, e.g. kg; another unit makes the value bad. \"*\" drops "
      "whatever follows");
}

// The keys of SerialTagFields; `T` inherits from it.
template <class T>
void add_serial_tag(Record<T>& r) {
  r.optional(
      "group", &T::group,
      text(1, 32, "^[A-Za-z_][A-Za-z0-9_]*$", "the name of a group in the pattern"),
      "where it stands: the named group of the pattern; the tag's name if no place is named");
  add_places(r);
  r.optional("pointer", &T::pointer,
             text(0, 1024, "^(/.*)?$", "a JSON Pointer such as \"/weight\""),
             "or: a JSON Pointer into the line");
  r.optional("columns", &T::columns, integer_as<std::size_t>(1, 10),
             "how many columns from there on belong together, e.g. 2 for 4807.038,N");
  r.optional("type", &T::serial_type, serial_type_codec(),
             "how it is read: number, integer, text, hex, boolean or degrees_minutes (as NMEA 0183 "
             "has them); with \"byte\" uint8 ... bcd32");
  add_number_form(r);
  r.optional("when", &T::when, text(1, 1024, "a regular expression"),
             "a regular expression that the line has to begin with, or it holds no value of this "
             "tag, e.g. ..GGA,");
  r.optional("request", &T::request, text(1, 64, "the name of a request"),
             "the request whose answer holds it; any if left out");
  r.optional("write", &T::write, serial_write_codec(),
             "the command that writes it; a tag with a command and no place is only written");
}

}  // namespace hubward::config
