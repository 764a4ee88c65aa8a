#include "gateway/cli/write_choice.h"

#include <doctest/doctest.h>

using namespace hubward;
using namespace hubward::cli;

namespace {

using modbus::Table;
using modbus::ValueType;

KnownTag tag(const char* name, Table table, std::uint16_t address, ValueType type, bool writable) {
  KnownTag made;
  made.where.table = table;
  made.where.address = address;
  made.where.type = type;
  made.what.name = name;
  made.what.writable = writable;
  return made;
}

const std::vector<KnownTag> kTags{
    tag("pressure", Table::HoldingRegister, 0, ValueType::Float32, false),
    tag("target", Table::HoldingRegister, 10, ValueType::Float32, true),
    tag("heater", Table::HoldingRegister, 20, ValueType::Bool, true),
    tag("fan", Table::HoldingRegister, 20, ValueType::Bool, true),
    tag("lamp", Table::Coil, 10, ValueType::Bool, true),
};

}  // namespace

TEST_CASE("a write to an address is the write of its tag, or one that nobody listed, or refused") {
  struct Row {
    const char* why;
    Table table;
    std::uint16_t address;
    std::uint16_t width;
    bool has_format;
    bool unlisted;
    const char* tag;      // "" none
    const char* refusal;  // a part of it; "" none
  };
  constexpr auto kHolding = Table::HoldingRegister;
  const Row rows[] = {
      {"a writable tag begins there", kHolding, 10, 2, false, false, "target", ""},
      {"another table is another place", Table::Coil, 10, 1, false, false, "lamp", ""},
      {"its type is the configuration's", kHolding, 10, 1, true, false, "", "leave out --type"},
      {"its limits are not gone past", kHolding, 10, 2, false, true, "", "without --unlisted"},
      {"the middle of a tag", kHolding, 11, 1, false, false, "", "does not name one writable tag"},
      {"reaching into a tag", kHolding, 9, 2, true, false, "", "does not name one writable tag"},
      {"several tags in one register", kHolding, 20, 1, false, false, "", "heater, fan"},
      {"a tag that is only read", kHolding, 0, 2, false, false, "", "does not mark as writable"},
      {"the same, and it is meant", kHolding, 0, 2, false, true, "", ""},
      {"no tag at all", kHolding, 500, 1, false, false, "", "no writable tag"},
      {"the same, and it is meant", kHolding, 500, 1, true, true, "", ""},
      {"right behind a tag", kHolding, 12, 1, false, true, "", ""},
      {"right before a tag", kHolding, 9, 1, false, true, "", ""},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    const auto choice =
        choose_write(kTags, {{row.table, row.address}, row.width, row.has_format, row.unlisted});
    CHECK((choice.tag != nullptr ? choice.tag->what.name : "") == row.tag);
    CHECK(choice.refusal.empty() == (*row.refusal == '\0'));
    CHECK(choice.refusal.find(row.refusal) != std::string::npos);
  }
}
