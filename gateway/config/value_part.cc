#include "gateway/config/value_part.h"

#include <utility>

#include "proto/serial/escapes.h"

namespace hubward::config {
namespace {

using extract::BinaryType;

void refuse(const std::string& at, const std::string& key, std::string rule, std::string text,
            FileReport& report) {
  if (report.clean(at + key)) report.error(at + key, std::move(rule), std::move(text));
}

}  // namespace

std::optional<BinaryType> binary_type(SerialType type) {
  if (type < SerialType::Uint8) return std::nullopt;
  return static_cast<BinaryType>(static_cast<int>(type) - static_cast<int>(SerialType::Uint8));
}
static_assert(static_cast<int>(SerialType::Bcd32) - static_cast<int>(SerialType::Uint8) ==
              static_cast<int>(BinaryType::Bcd32));

extract::TextType text_type(SerialType type) {
  return binary_type(type) ? extract::TextType::Number
                           : static_cast<extract::TextType>(static_cast<int>(type));
}
static_assert(static_cast<int>(SerialType::DegreesMinutes) ==
              static_cast<int>(extract::TextType::DegreesMinutes));

extract::BinaryField binary_field(const SerialTagFields& fields, const std::string& at,
                                  FileReport& report) {
  const auto type = binary_type(fields.serial_type);
  if (!type) {
    refuse(at, "/byte", "type",
           "a binary field needs a \"type\" that says how many bits it has, e.g. \"uint16\"",
           report);
  }
  const bool is_unsigned = type == BinaryType::Uint8 || type == BinaryType::Uint16 ||
                           type == BinaryType::Uint24 || type == BinaryType::Uint32 ||
                           type == BinaryType::Uint64;
  if ((fields.bit || fields.mask) && type && !is_unsigned) {
    refuse(at, "", "type", "\"bit\" and \"mask\" take part of an unsigned type, uint8 to uint64",
           report);
  } else if (fields.bit && type && *fields.bit >= 8 * extract::width_bytes(*type)) {
    refuse(at, "/bit", "bit", "the type has no such bit", report);
  } else if (fields.bit && fields.mask) {
    refuse(at, "/mask", "bit", "there is \"bit\" already; one of them is enough", report);
  }
  return {*fields.byte, type.value_or(BinaryType::Uint16), fields.byte_order, fields.bit,
          static_cast<std::uint64_t>(fields.mask.value_or(0))};
}

void check_scale(const TagFields& fields, const std::string& at, FileReport& report) {
  if (fields.scale == 0) {
    refuse(at, "/scale", "scale", "a scale of 0 makes every value the same", report);
  }
  const bool scaled = fields.scale != 1 || fields.offset != 0;
  if (scaled && fields.serial_type == SerialType::Text) {
    refuse(at, "", "scale", "text cannot be scaled; leave \"scale\" and \"offset\" out", report);
  } else if (scaled && (fields.bit || (!binary_type(fields.serial_type) &&
                                       fields.serial_type != SerialType::Number))) {
    refuse(at, "", "scale", "only numbers are scaled; leave \"scale\" and \"offset\" out", report);
  }
}

std::string bytes_at(const std::string& text, const std::string& pointer, FileReport& report) {
  auto bytes = serial::bytes_from_text(text);
  if (bytes) return std::move(*bytes);
  if (report.clean(pointer)) {
    report.error(pointer, "bytes", quoted(text) + " are no bytes: " + bytes.error().context);
  }
  return "";
}

char byte_at(const std::string& text, const std::string& pointer, FileReport& report) {
  const std::string bytes = bytes_at(text, pointer, report);
  if (bytes.size() == 1) return bytes.front();
  if (report.clean(pointer)) {
    report.error(pointer, "bytes", quoted(text) + " is not one byte; it should be");
  }
  return 0;
}

extract::CsvForm csv_form(const CsvFields& fields, const std::string& at, FileReport& report) {
  return {byte_at(fields.separator, at + "/separator", report), fields.quotes, fields.columns};
}

}  // namespace hubward::config
