#include "gateway/cli/lens.h"

#include <doctest/doctest.h>

#include <vector>

#include "gateway/cli/modbus_target.h"

using namespace hubward;
using namespace hubward::cli;

namespace {

// The table's lines that begin with these words.
std::string line_with(const std::string& table, const std::string& begin) {
  std::size_t at = 0;
  while (at < table.size()) {
    const std::size_t end = table.find('\n', at);
    const std::string line = table.substr(at, end - at);
    if (line.starts_with(begin)) return line;
    at = end + 1;
  }
  return "";
}

bool has(const std::string& text, const std::string& words) {
  return text.find(words) != std::string::npos;
}

}  // namespace

TEST_CASE("the lens shows a value under its type and order, and nowhere else") {
  // 21.3 as float32, low word first, at holding:12.
  const std::vector<std::uint16_t> registers{0x0000, 0x6666, 0x41AA, 0x0001, 0x5075};
  const config::RegisterAddress address{modbus::Table::HoldingRegister, 12};
  const std::string table = lens_text(address, 11, registers);
  CHECK(has(line_with(table, "  "), "holding:11 (40012)"));
  CHECK(has(line_with(table, "  "), "holding:13"));
  CHECK(has(line_with(table, "raw"), "0x6666"));
  CHECK(has(line_with(table, "float32   CDAB"), " 21.3 "));
  CHECK_FALSE(has(line_with(table, "float32   ABCD"), " 21.3 "));
  CHECK(has(line_with(table, "bcd16     AB"), "6666"));
  CHECK(has(line_with(table, "bcd16     AB"), "no sense"));  // 0x41AA
  // Not enough registers behind the last column.
  CHECK(line_with(table, "uint64    ABCD").ends_with("-"));
}

TEST_CASE("at the first register nothing lies before it, and coils are bits") {
  const std::vector<std::uint16_t> one{1, 0};
  const std::string first = lens_text({modbus::Table::HoldingRegister, 0}, 0, one);
  CHECK(has(line_with(first, "uint16"), "-                       1"));
  const std::string coils = lens_text({modbus::Table::Coil, 0}, 0, one);
  CHECK(has(coils, "true"));
  CHECK_FALSE(has(coils, "float32"));
}

TEST_CASE("lists of numbers are read in full, or not at all") {
  CHECK(numbers_in("1-3,7", 247) == std::vector<std::uint32_t>{1, 2, 3, 7});
  CHECK(numbers_in("7,1-3,2", 247) == std::vector<std::uint32_t>{1, 2, 3, 7});
  for (const char* bad : {"", "a", "3-1", "1-", "-1", "1,,2", "248", "1 2"}) {
    CAPTURE(bad);
    CHECK(numbers_in(bad, 247).empty());
  }
}

TEST_CASE("where a device is: an endpoint with or without a port, or a path") {
  CHECK(std::get<TcpEndpoint>(attachment_of("tcp://10.0.0.5").value()) ==
        TcpEndpoint{"10.0.0.5", 502});
  CHECK(std::get<TcpEndpoint>(attachment_of("tcp://[::1]:1502").value()) ==
        TcpEndpoint{"::1", 1502});
  CHECK(std::get<SerialSettings>(attachment_of("/dev/ttyS1").value()).path == "/dev/ttyS1");
  CHECK_FALSE(attachment_of("10.0.0.5"));
  CHECK_FALSE(attachment_of("tcp://"));
}
