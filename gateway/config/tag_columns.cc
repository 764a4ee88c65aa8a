#include "gateway/config/tag_columns.h"

#include <algorithm>
#include <array>

namespace hubward::config {
namespace {

constexpr auto kColumns = std::to_array<TagColumn>({
    {"name", "name", ColumnKind::Text},
    {"tag", "name", ColumnKind::Text},
    {"tagname", "name", ColumnKind::Text},
    {"address", "address", ColumnKind::Address},
    {"register", "address", ColumnKind::Address},
    {"type", "type", ColumnKind::Type},
    {"datatype", "type", ColumnKind::Type},
    {"scale", "scale", ColumnKind::Number},
    {"factor", "scale", ColumnKind::Number},
    {"multiplier", "scale", ColumnKind::Number},
    {"decimal", "scale", ColumnKind::Number},  // Neuron's word for it
    {"offset", "offset", ColumnKind::Number},
    {"bias", "offset", ColumnKind::Number},
    {"unit", "unit", ColumnKind::Text},
    {"units", "unit", ColumnKind::Text},
    {"engunits", "unit", ColumnKind::Text},
    {"engineeringunits", "unit", ColumnKind::Text},
    {"intervalms", "interval_ms", ColumnKind::Number},
    {"interval", "interval_ms", ColumnKind::Number},
    {"scanrate", "interval_ms", ColumnKind::Number},
    {"writable", "writable", ColumnKind::Truth},
    {"access", "writable", ColumnKind::Access},
    {"clientaccess", "writable", ColumnKind::Access},
    {"attribute", "writable", ColumnKind::Access},
    {"readwrite", "writable", ColumnKind::Access},
    {"min", "min", ColumnKind::Number},
    {"max", "max", ColumnKind::Number},
    {"verify", "verify", ColumnKind::Truth},
    {"pulsems", "pulse_ms", ColumnKind::Number},
    {"broadcast", "broadcast", ColumnKind::Truth},
    {"noreplays", "no_replay_s", ColumnKind::Number},
    {"as", "as", ColumnKind::Text},
    {"component", "component", ColumnKind::Text},
    {"priority", "priority", ColumnKind::Text},
    {"report", "report", ColumnKind::Text},
    {"deadband", "dead_band", ColumnKind::Number},
    {"deadbandpercent", "dead_band_percent", ColumnKind::Number},
    {"silencemaxs", "silence_max_s", ColumnKind::Number},
    {"wordorder", "word_order", ColumnKind::Text},
    {"byteorder", "byte_order", ColumnKind::Text},
    {"order", "order", ColumnKind::Order},
    {"endian", "order", ColumnKind::Order},
    {"endianness", "order", ColumnKind::Order},
    {"half", "half", ColumnKind::Text},
    {"bit", "bit", ColumnKind::Number},
    {"bitcount", "bit_count", ColumnKind::Number},
    {"length", "length", ColumnKind::Number},
    {"badraw", "bad_raw", ColumnKind::RawNumbers},
    {"names", "names", ColumnKind::OnlyInFiles},
    {"unnamed", "unnamed", ColumnKind::OnlyInFiles},
    {"clampmin", "clamp_min", ColumnKind::Number},
    {"clampmax", "clamp_max", ColumnKind::Number},
    {"decimals", "decimals", ColumnKind::Number},
    {"rawlow", "raw low", ColumnKind::RawLow},
    {"rawhigh", "raw high", ColumnKind::RawHigh},
    {"scaledlow", "scaled low", ColumnKind::ScaledLow},
    {"scaledhigh", "scaled high", ColumnKind::ScaledHigh},
    {"scaling", "scaling", ColumnKind::Scaling},
    {"description", "", ColumnKind::Ignored},
    {"comment", "", ColumnKind::Ignored},
});

struct TypeName {
  std::string_view name;
  const char* type;
};
// What other tools call them. "int" and "uint" are of 16 bits in one and of 32 in another: refused.
constexpr auto kTypes = std::to_array<TypeName>({
    {"bool", "bool"},       {"boolean", "bool"},  {"bit", "bool"},       {"int8", "int8"},
    {"sbyte", "int8"},      {"char", "int8"},     {"uint8", "uint8"},    {"byte", "uint8"},
    {"int16", "int16"},     {"short", "int16"},   {"uint16", "uint16"},  {"word", "uint16"},
    {"ushort", "uint16"},   {"int32", "int32"},   {"long", "int32"},     {"dint", "int32"},
    {"uint32", "uint32"},   {"dword", "uint32"},  {"udint", "uint32"},   {"int48", "int48"},
    {"uint48", "uint48"},   {"int64", "int64"},   {"llong", "int64"},    {"lint", "int64"},
    {"uint64", "uint64"},   {"qword", "uint64"},  {"ulint", "uint64"},   {"float", "float32"},
    {"float32", "float32"}, {"real", "float32"},  {"single", "float32"}, {"double", "float64"},
    {"float64", "float64"}, {"lreal", "float64"}, {"bcd", "bcd16"},      {"bcd16", "bcd16"},
    {"lbcd", "bcd32"},      {"bcd32", "bcd32"},   {"string", "text"},    {"text", "text"},
});

}  // namespace

std::string letters_and_digits(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c >= 'A' && c <= 'Z') out += static_cast<char>(c - 'A' + 'a');
    if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')) out += c;
  }
  return out;
}

const TagColumn* find_tag_column(std::string_view heading) {
  const auto found = std::ranges::find(kColumns, letters_and_digits(heading), &TagColumn::heading);
  return found == kColumns.end() ? nullptr : &*found;
}

const char* find_type(std::string_view name) {
  const auto found = std::ranges::find(kTypes, letters_and_digits(name), &TypeName::name);
  return found == kTypes.end() ? nullptr : found->type;
}

}  // namespace hubward::config
