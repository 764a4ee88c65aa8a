#include "gateway/config/csv_rows.h"

#include <doctest/doctest.h>

using namespace hubward::config;

namespace {

// "a|b/c|d": fields and rows.
std::string shown(const CsvTable& table) {
  std::string out;
  for (const CsvRow& row : table.rows) {
    if (!out.empty()) out += "/";
    for (std::size_t i = 0; i < row.fields.size(); ++i) out += (i == 0 ? "" : "|") + row.fields[i];
  }
  return out;
}

}  // namespace

TEST_CASE("a table is read as spreadsheets write it") {
  struct Row {
    const char* why;
    std::string_view text;
    const char* rows;
  };
  const Row rows[] = {
      {"plain", "a,b\n1,2\n", "a|b/1|2"},
      {"no line feed at the end", "a,b\n1,2", "a|b/1|2"},
      {"Windows", "a,b\r\n1,2\r\n", "a|b/1|2"},
      {"old Mac", "a,b\r1,2\r", "a|b/1|2"},
      {"semicolons, as where the comma is decimal", "a;b\n1,5;2\n", "a|b/1,5|2"},
      {"tabs", "a\tb\n1\t2\n", "a|b/1|2"},
      {"the separator in quotes does not count", "\"a;x;y\",b\n1,2\n", "a;x;y|b/1|2"},
      {"a byte order mark", "\xEF\xBB\xBFname,b\n1,2\n", "name|b/1|2"},
      {"quotes", "a,b\n\"1,5\",\"say \"\"x\"\"\"\n", "a|b/1,5|say \"x\""},
      {"blanks around fields", "a , b\n 1 ,\" 2 \" \n", "a|b/1| 2 "},
      {"empty rows and comments", "a,b\n\n,,\n# x,y\n1,2\n", "a|b/1|2"},
      {"a number sign in quotes is no comment", "a,b\n\"#1 pump\",2\n", "a|b/#1 pump|2"},
      {"empty fields", "a,b,c\n1,,\n", "a|b|c/1||"},
      {"one column", "a\n1\n", "a/1"},
      {"nothing", "", ""},
      {"a separator at the very end", "a,b\n1,", "a|b/1|"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    const auto table = read_csv(row.text);
    CHECK(shown(table) == row.rows);
    CHECK(table.problems.empty());
  }
}

TEST_CASE("rows that are not well-formed are named by their lines, and the others are read") {
  const auto table =
      read_csv("a,b\n\"1\"x,2\n3,4\n\"two\nlines\",5\n\xFF,6\n7,8\n\"open,9\n10,11\n");
  CHECK(shown(table) == "a|b/3|4/two\nlines|5/7|8");
  REQUIRE(table.problems.size() == 3);
  CHECK(table.problems[0].line == 2);
  CHECK(table.problems[0].text.find("behind the closing quote") != std::string::npos);
  CHECK(table.problems[1].line == 6);
  CHECK(table.problems[1].text.find("UTF-8") != std::string::npos);
  CHECK(table.problems[2].line == 8);
  CHECK(table.problems[2].text.find("never closed") != std::string::npos);
}

TEST_CASE("what is no text at all is said once") {
  struct Row {
    std::string text;
    std::string words;
  };
  for (const Row& row :
       {Row{"PK\x03\x04\xFF\n\xFF\n", "workbook"}, Row{"\xD0\xCF\x11\xE0\xA1\n\xFF\n", "workbook"},
        Row{std::string("\xFF\xFEn\0a\0\n\0", 8), "UTF-16"},
        Row{std::string("name\0\n\0\n", 8), "no text"}}) {
    CAPTURE(row.words);
    const auto table = read_csv(row.text);
    REQUIRE(table.problems.size() == 1);
    CHECK(table.problems[0].line == 1);
    CHECK(table.problems[0].text.find(row.words) != std::string::npos);
    CHECK(table.problems[0].text.find("CSV UTF-8") != std::string::npos);
  }
}

TEST_CASE("a table has bounds") {
  const auto wide = read_csv(std::string(kCsvColumnsMax, ',') + "\n");
  REQUIRE(wide.problems.size() == 1);
  CHECK(wide.problems[0].text == "there are more than 64 columns");
  const auto long_field = read_csv("a,b\n" + std::string(kCsvFieldBytesMax + 1, 'x') + ",1\n");
  REQUIRE(long_field.problems.size() == 1);
  CHECK(long_field.problems[0].line == 2);
  std::string bad;
  for (std::size_t i = 0; i < 2 * kCsvProblemsMax; ++i) bad += "\xFF,1\n";
  CHECK(read_csv(bad).problems.size() == kCsvProblemsMax);
}
