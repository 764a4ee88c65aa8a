#include "gateway/config/modbus_value.h"

#include <algorithm>
#include <charconv>
#include <set>

namespace hubward::config {
namespace {

using modbus::ValueFormat;
using modbus::ValueType;

bool is_real(ValueType type) { return type == ValueType::Float32 || type == ValueType::Float64; }
bool is_half(ValueType type) { return type == ValueType::Int8 || type == ValueType::Uint8; }
bool is_word(ValueType type) { return type == ValueType::Int16 || type == ValueType::Uint16; }

// Says which keys do not go with the type, so that none is silently without effect.
class KeyCheck {
 public:
  KeyCheck(const TagFields& tag, const std::string& pointer, FileReport& report)
      : tag_(tag), pointer_(pointer), report_(report) {}

  void only(bool given, const char* key, bool fits, const char* fitting) {
    if (!given || fits) return;
    report_.error(pointer_ + "/" + key, "key-of-another-type",
                  std::string("\"") + key + "\" belongs to " + fitting +
                      "; leave it out, or change the \"type\"");
  }

  void all() {
    const ValueType type = tag_.modbus_type;
    const bool is_number = type != ValueType::Bool && type != ValueType::Text;
    only(tag_.high_half, "half", is_half(type), "int8 and uint8");
    only(tag_.register_bit.has_value(), "bit",
         type == ValueType::Bool || (is_word(type) && tag_.bit_count.has_value()),
         "bool, and to int16 and uint16 with a \"bit_count\"");
    only(tag_.bit_count.has_value(), "bit_count", is_word(type) && tag_.register_bit.has_value(),
         "int16 and uint16 with a \"bit\"");
    only(tag_.length.has_value(), "length", type == ValueType::Text, "text");
    only(tag_.clamp_min.has_value(), "clamp_min", is_number && tag_.names.empty(), "numbers");
    only(tag_.clamp_max.has_value(), "clamp_max", is_number && tag_.names.empty(), "numbers");
    only(tag_.decimals.has_value(), "decimals", is_number && tag_.names.empty(), "numbers");
    only(!tag_.names.empty(), "names", !is_real(type) && type != ValueType::Text,
         "bool and integers");
    only(tag_.unnamed_is_bad, "unnamed", !tag_.names.empty(), "a tag with \"names\"");
    only(!tag_.bad_raw.empty(), "bad_raw", type != ValueType::Text, "bool and numbers");
  }

 private:
  const TagFields& tag_;
  const std::string& pointer_;
  FileReport& report_;
};

void check_sizes(const TagFields& tag, const std::string& pointer, FileReport& report) {
  if (tag.modbus_type == ValueType::Text && !tag.length) {
    report.error(pointer + "/length", "missing-length",
                 "\"length\" is missing; a text needs to know how many bytes it takes");
  }
  if (tag.register_bit && tag.bit_count && *tag.register_bit + *tag.bit_count > 16) {
    report.error(pointer + "/bit_count", "bits",
                 std::to_string(*tag.bit_count) + " bits beginning at bit " +
                     std::to_string(*tag.register_bit) + " do not fit into a register of 16");
  }
  if (tag.clamp_min && tag.clamp_max && *tag.clamp_min > *tag.clamp_max) {
    report.error(pointer + "/clamp_min", "range",
                 "\"clamp_min\" is " + number_text(*tag.clamp_min) + ", more than \"clamp_max\", " +
                     number_text(*tag.clamp_max) + "; exchange them");
  }
}

// The bits of a raw number as it was written, in a value of so many bits; nothing if it has more.
std::optional<std::uint64_t> raw_bits(std::string_view text, unsigned bits) {
  const bool hex = text.starts_with("0x");
  const bool negative = text.starts_with('-');
  std::uint64_t number = 0;
  const std::string_view digits = text.substr(hex ? 2 : negative ? 1 : 0);
  const auto [end, error] =
      std::from_chars(digits.data(), digits.data() + digits.size(), number, hex ? 16 : 10);
  if (error != std::errc{} || end != digits.data() + digits.size()) return std::nullopt;
  const std::uint64_t mask = bits >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << bits) - 1;
  if (!negative) return number <= mask ? std::optional(number) : std::nullopt;
  if (number > mask / 2 + 1) return std::nullopt;
  return (~number + 1) & mask;
}

void add_bad_raw(const TagFields& tag, const std::string& pointer, FileReport& report,
                 ValueFormat& format) {
  const unsigned bits = is_half(format.type)   ? 8
                        : format.bit_count > 0 ? format.bit_count
                                               : modbus::width(format) * 16U;
  for (std::size_t i = 0; i < tag.bad_raw.size(); ++i) {
    const std::string at = pointer + "/bad_raw/" + std::to_string(i);
    if (!report.clean(at)) continue;
    if (const auto raw = raw_bits(tag.bad_raw[i], bits)) {
      format.bad_raw.push_back(*raw);
    } else {
      report.error(at, "bad-raw",
                   quoted(tag.bad_raw[i]) + " does not fit into the " + std::to_string(bits) +
                       " bits of this tag");
    }
  }
}

void add_names(const TagFields& tag, const std::string& pointer, FileReport& report,
               ValueFormat& format) {
  std::set<std::string> seen;
  for (const auto& [number, name] : tag.names) {
    std::int64_t raw = 0;
    std::from_chars(number.data(), number.data() + number.size(), raw);
    format.names.emplace_back(raw, name);
    if (!seen.insert(name).second) {
      report.error(pointer + "/names", "duplicate-name",
                   "two numbers have the name " + quoted(name) + "; each needs its own");
    }
  }
  std::ranges::sort(format.names);
  if (!tag.names.empty() && (tag.scale != 1 || tag.offset != 0)) {
    report.error(pointer, "scale", "names cannot be scaled; leave \"scale\" and \"offset\" out");
  }
}

}  // namespace

ValueFormat value_format(const TagFields& tag, const std::string& pointer, FileReport& report) {
  ValueFormat format;
  format.type = tag.modbus_type;
  format.word_order = tag.word_order;
  format.byte_order = tag.register_byte_order;
  format.scale = tag.scale;
  format.offset = tag.offset;
  if (is_half(tag.modbus_type)) format.first_bit = tag.high_half ? 8 : 0;
  if (tag.register_bit) {
    format.first_bit = *tag.register_bit;
    format.bit_count = tag.bit_count.value_or(1);
  }
  format.text_bytes = tag.length.value_or(0);
  format.clamp_min = tag.clamp_min;
  format.clamp_max = tag.clamp_max;
  format.decimals = tag.decimals;
  format.unnamed_is_bad = tag.unnamed_is_bad;
  if (!report.clean(pointer)) return format;
  KeyCheck(tag, pointer, report).all();
  check_sizes(tag, pointer, report);
  if (report.clean(pointer)) {
    add_bad_raw(tag, pointer, report, format);
    add_names(tag, pointer, report, format);
  }
  return format;
}

}  // namespace hubward::config
