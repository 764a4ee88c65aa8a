#include "gateway/config/serial_fields.h"

namespace hubward::config {
namespace {

using serial::ByteOrder;
using serial::CheckKind;
using serial::CheckSettings;
using serial::LengthPrefixed;

// A mark, a header or a length is a few bytes; with more a frame would be longer than any is.
constexpr std::int64_t kOffsetMax = 65536;

Codec<std::size_t> count(std::int64_t minimum, std::int64_t maximum) {
  return integer_as<std::size_t>(minimum, maximum);
}

Codec<DelimitedFields> delimited() {
  Record<DelimitedFields> r("delimited", "frames between marks");
  r.required("end", &DelimitedFields::end, bytes_text(32),
             "the bytes that end a frame, e.g. \\\\x03 (ETX)");
  r.optional("start", &DelimitedFields::start, bytes_text(32),
             "the bytes that begin it, e.g. \\\\x02 (STX) or $; left out if there are none");
  r.optional("bytes_after_end", &DelimitedFields::bytes_after_end, count(0, 16),
             "how many bytes behind the end still belong to it, e.g. 1 for a BCC behind ETX");
  return r.codec();
}

Codec<FixedLengthFields> fixed() {
  Record<FixedLengthFields> r("fixed", "frames of one length");
  r.required("bytes", &FixedLengthFields::bytes, count(1, kOffsetMax),
             "the bytes of a whole frame");
  r.optional("start", &FixedLengthFields::start, bytes_text(32),
             "the bytes each begins with; without them a frame begins after a silence of 50 ms");
  return r.codec();
}

Codec<LengthPrefixedFields> length() {
  Record<LengthPrefixedFields> r("length", "frames that say how long they are");
  r.required("offset", &LengthPrefixedFields::offset, count(0, kOffsetMax),
             "where the length stands: how many bytes of the frame are in front of it");
  r.optional("width", &LengthPrefixedFields::width, count(1, 4),
             "how many bytes the length takes: 1, 2 or 4");
  r.optional("byte_order", &LengthPrefixedFields::byte_order, serial_byte_order(),
             "which of its bytes comes first");
  r.optional("counts", &LengthPrefixedFields::counts,
             choice<LengthPrefixed::Counts>({{"rest", LengthPrefixed::Counts::Rest},
                                             {"frame", LengthPrefixed::Counts::Frame}}),
             "what it counts: the bytes behind it (\"rest\"), or all of the frame (\"frame\")");
  r.optional("add", &LengthPrefixedFields::add, integer(-64, 64),
             "bytes that the device leaves out of its count, e.g. 2 for a CRC at the end");
  r.optional("start", &LengthPrefixedFields::start, bytes_text(32),
             "the bytes each begins with; without them a frame begins after a silence of 50 ms");
  return r.codec();
}

Codec<StuffedFields> stuffed() {
  Record<StuffedFields> r("stuffed", "frames whose data may hold the marks, behind an escape byte");
  r.optional("escape", &StuffedFields::escape, bytes_text(4), "the escape byte");
  r.optional("start", &StuffedFields::start, bytes_text(4), "the byte that begins a frame");
  r.optional("end", &StuffedFields::end, bytes_text(4), "the byte that ends it");
  r.optional("marks_escaped", &StuffedFields::marks_escaped, boolean(),
             "true: DLE STX data DLE ETX, a DLE in the data is doubled; false: STX data ETX, a DLE "
             "stands in front of each STX, ETX and DLE in the data");
  r.optional("escape_xor", &StuffedFields::escape_xor, integer_as<std::uint8_t>(0, 255),
             "by what a byte behind an escape was changed (exclusive or)");
  r.optional("bytes_after_end", &StuffedFields::bytes_after_end, count(0, 16),
             "how many bytes behind the end still belong to the frame, not stuffed");
  return r.codec();
}

Codec<FramingFields> framing() {
  Record<FramingFields> r("framing", "how frames are told apart");
  r.optional("delimited", &FramingFields::delimited, delimited(), "frames between marks");
  r.optional("fixed", &FramingFields::fixed, fixed(), "frames of one length");
  r.optional("length", &FramingFields::length, length(), "frames that say how long they are");
  r.optional("stuffed", &FramingFields::stuffed, stuffed(),
             "frames whose data may hold the marks, behind an escape byte (DLE)");
  r.optional("gap_ms", &FramingFields::gap, milliseconds(2, 10000),
             "frames between silences of at least this");
  r.exactly_one();
  return r.codec();
}

Codec<CsvFields> csv() {
  Record<CsvFields> r("csv", "lines of separated columns");
  r.optional("separator", &CsvFields::separator, bytes_text(4), "the byte between two columns");
  r.optional("quotes", &CsvFields::quotes, boolean(),
             "whether a column in quotation marks may hold the separator");
  r.optional("columns", &CsvFields::columns, count(0, extract::kCsvColumnsMax),
             "how many columns a line has; one with more or fewer is dropped and counted. 0: any");
  return r.codec();
}

Codec<CheckSettings> check() {
  using Form = CheckSettings::Form;
  Record<CheckSettings> r("check", "the checksum of a frame");
  r.required("type", &CheckSettings::kind,
             choice<CheckKind>({{"xor", CheckKind::Xor},
                                {"sum8", CheckKind::Sum8},
                                {"sum8_inverted", CheckKind::Sum8Inverted},
                                {"sum8_negated", CheckKind::Sum8Negated},
                                {"sum16", CheckKind::Sum16},
                                {"sum16_negated", CheckKind::Sum16Negated},
                                {"lrc", CheckKind::Sum8Negated},
                                {"crc8", CheckKind::Crc8},
                                {"crc8_maxim", CheckKind::Crc8Maxim},
                                {"crc8_rohc", CheckKind::Crc8Rohc},
                                {"crc8_sae_j1850", CheckKind::Crc8SaeJ1850},
                                {"crc8_sensirion", CheckKind::Crc8Sensirion},
                                {"crc16_modbus", CheckKind::Crc16Modbus},
                                {"crc16_arc", CheckKind::Crc16Arc},
                                {"crc16_ccitt_false", CheckKind::Crc16CcittFalse},
                                {"crc16_xmodem", CheckKind::Crc16Xmodem},
                                {"crc16_kermit", CheckKind::Crc16Kermit},
                                {"crc16_x25", CheckKind::Crc16X25},
                                {"crc16_aug_ccitt", CheckKind::Crc16AugCcitt},
                                {"crc16_dnp", CheckKind::Crc16Dnp},
                                {"crc16_usb", CheckKind::Crc16Usb},
                                {"crc16_maxim", CheckKind::Crc16Maxim},
                                {"crc16_genibus", CheckKind::Crc16Genibus},
                                {"crc32", CheckKind::Crc32},
                                {"crc32c", CheckKind::Crc32c},
                                {"crc32_mpeg2", CheckKind::Crc32Mpeg2},
                                {"crc32_bzip2", CheckKind::Crc32Bzip2}}),
             "which one: \"xor\" is often called BCC, \"lrc\" is that of Modbus ASCII");
  r.optional(
      "form", &CheckSettings::form,
      choice<Form>({{"binary", Form::Binary}, {"hex", Form::Hex}, {"nibbles", Form::Nibbles}}),
      "\"binary\", as hexadecimal digits (\"hex\"), or as nibbles with 30 hex added to each");
  r.optional("byte_order", &CheckSettings::byte_order, serial_byte_order(),
             "which of its bytes comes first");
  r.optional("end_offset", &CheckSettings::end_offset, count(0, 64),
             "how many bytes of the frame stand behind it, the end mark's too: 2 for CR LF");
  r.optional("skip_first", &CheckSettings::skip_first, count(0, 64),
             "how many bytes at the frame's beginning it does not cover: 1 for STX or $");
  r.optional("skip_last", &CheckSettings::skip_last, count(0, 64),
             "how many bytes directly in front of it it does not cover");
  return r.codec();
}

constexpr const char* kCommandSays =
    "characters, \\\\r \\\\n \\\\t \\\\xHH for bytes that have none, and {address}, {value}, "
    "{check}";

Codec<std::vector<SerialRequestFields>> requests() {
  Record<SerialRequestFields> r("serial_request", "something the device is asked again and again");
  r.required("send", &SerialRequestFields::send, text(1, 256, kCommandSays),
             "the bytes that ask, e.g. S\\\\r\\\\n; {address} and {check} are filled in");
  r.optional("interval_ms", &SerialRequestFields::interval, milliseconds(20, 86400000),
             "how often it is asked");
  r.optional("name", &SerialRequestFields::name, text(1, 64, "1 to 64 characters"),
             "its name, for tags that only its answer holds");
  return list_of(r.codec(), 0, 100);
}

}  // namespace

Codec<SerialWriteFields> serial_write_codec() {
  const auto pattern = [] { return text(1, 1024, "a regular expression"); };
  Record<SerialWriteFields> r("serial_write", "the command that writes a value");
  r.required("send", &SerialWriteFields::send, text(1, 256, kCommandSays),
             "the bytes of the command, with {value} where the value goes");
  r.optional("confirmed", &SerialWriteFields::confirmed, pattern(),
             "a regular expression for the whole answer that confirms it; without one it is never "
             "known whether it happened");
  r.optional("refused", &SerialWriteFields::refused, pattern(),
             "a regular expression for the whole answer that refuses it");
  r.optional("decimals", &SerialWriteFields::decimals, integer_as<unsigned>(0, 9),
             "digits behind the point; as many as needed if left out");
  r.optional("width", &SerialWriteFields::width, integer_as<std::size_t>(0, 32),
             "characters of the number, filled with zeros in front; 0: as many as needed");
  r.optional("on", &SerialWriteFields::on, text(1, 32, "text"), "what is sent for true");
  r.optional("off", &SerialWriteFields::off, text(1, 32, "text"), "what is sent for false");
  r.optional("timeout_ms", &SerialWriteFields::timeout, milliseconds(10, 60000),
             "how long its answer may take, where the device waits for something first; "
             "\"response_timeout_ms\" if left out");
  return r.codec();
}

Codec<ByteOrder> serial_byte_order() {
  return choice<ByteOrder>(
      {{"high_first", ByteOrder::HighFirst}, {"low_first", ByteOrder::LowFirst}});
}

Codec<SerialType> serial_type_codec() {
  return choice<SerialType>(
      {{"number", SerialType::Number},   {"integer", SerialType::Integer},
       {"text", SerialType::Text},       {"hex", SerialType::Hex},
       {"boolean", SerialType::Boolean}, {"degrees_minutes", SerialType::DegreesMinutes},
       {"uint8", SerialType::Uint8},     {"int8", SerialType::Int8},
       {"uint16", SerialType::Uint16},   {"int16", SerialType::Int16},
       {"uint24", SerialType::Uint24},   {"int24", SerialType::Int24},
       {"uint32", SerialType::Uint32},   {"int32", SerialType::Int32},
       {"uint64", SerialType::Uint64},   {"int64", SerialType::Int64},
       {"float32", SerialType::Float32}, {"float64", SerialType::Float64},
       {"bcd8", SerialType::Bcd8},       {"bcd16", SerialType::Bcd16},
       {"bcd32", SerialType::Bcd32}});
}

Codec<std::string> bytes_text(std::size_t length_max) {
  return text(1, length_max, "characters, and \\\\r \\\\n \\\\t \\\\xHH for bytes that have none");
}

// One shape each, however many attachments have the key: the schema defines it once.
const Codec<FramingFields>& framing_codec() {
  static const Codec<FramingFields> codec = framing();
  return codec;
}

const Codec<CheckSettings>& check_codec() {
  static const Codec<CheckSettings> codec = check();
  return codec;
}

const Codec<CsvFields>& csv_codec() {
  static const Codec<CsvFields> codec = csv();
  return codec;
}

const Codec<std::vector<SerialRequestFields>>& requests_codec() {
  static const Codec<std::vector<SerialRequestFields>> codec = requests();
  return codec;
}

}  // namespace hubward::config
