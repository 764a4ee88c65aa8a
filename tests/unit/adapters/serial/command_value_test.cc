#include "adapters/serial/command_value.h"

#include <doctest/doctest.h>

using namespace hubward;
using namespace hubward::serial;

TEST_CASE("a value becomes the text of its command, or is refused") {
  struct Row {
    std::string why;
    TagSettings tag;
    TagValue value;
    std::string text;  // empty: refused
  };
  const auto tag = [](WriteSettings write, double scale = 1, double offset = 0) {
    return TagSettings{.scale = scale, .offset = offset, .write = std::move(write)};
  };
  TagSettings comma = tag({});
  comma.form.decimal_comma = true;
  TagSettings text = tag({});
  text.type = TagSettings::Type::Text;
  TagSettings hex = tag({.width = 4});
  hex.type = TagSettings::Type::Hex;
  TagSettings degrees = tag({});
  degrees.type = TagSettings::Type::DegreesMinutes;
  const Row rows[] = {
      {"as short as it can be", tag({}), 12.5, "12.5"},
      {"no point without need", tag({}), 12.0, "12"},
      {"never an exponent", tag({}), 1e7, "10000000"},
      {"decimals", tag({.decimals = 2}), 12.5, "12.50"},
      {"rounded", tag({.decimals = 0}), 12.7, "13"},
      {"rounded to nothing", tag({.decimals = 1}), -0.04, "0.0"},
      {"width", tag({.width = 6}), 12.5, "0012.5"},
      {"the sign stays in front", tag({.width = 6}), -12.5, "-012.5"},
      {"too wide", tag({.width = 3}), 1234.0, ""},
      {"a whole number", tag({.width = 4}), std::int64_t{7}, "0007"},
      {"a large one is exact", tag({}), std::uint64_t{18446744073709551615ULL},
       "18446744073709551615"},
      {"a whole one with decimals", tag({.decimals = 1}), std::int64_t{7}, "7.0"},
      {"scale undone", tag({}, 0.5, 1), 12.0, "22"},
      {"decimal comma", comma, 12.5, "12,5"},
      {"true", tag({.on = "ON", .off = "OFF"}), true, "ON"},
      {"false", tag({.on = "ON", .off = "OFF"}), false, "OFF"},
      {"text", text, std::string("Batch 7"), "Batch 7"},
      {"a text where a number belongs", tag({}), std::string("9999"), ""},
      {"text that would give another command", text, std::string("1\r\nZ"), ""},
      {"empty text", text, std::string(), ""},
      {"long text", text, std::string(65, 'x'), ""},
      {"hex as it is read", hex, std::int64_t{31}, "001F"},
      {"half a hex number", hex, 1.5, ""},
      {"a hex number below zero", hex, std::int64_t{-1}, ""},
      {"a hex number that is too wide", hex, std::int64_t{0x12345}, ""},
      {"degrees and minutes are only read", degrees, 37.4, ""},
      {"too large to print", tag({}), 1e300, ""},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    const auto said = command_value(row.tag, row.value);
    CHECK(said.value_or("") == row.text);
  }
}
