#include "proto/serial/line_splitter.h"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace hubward::serial;

namespace {

struct Seen {
  std::vector<std::string> lines;
  std::vector<std::string> overlong;
  LineSplitter::Sink sink() {
    return {[this](std::string_view line) { lines.emplace_back(line); },
            [this](std::string_view beginning) { overlong.emplace_back(beginning); }};
  }
  bool operator==(const Seen&) const = default;
};

void feed(LineSplitter& splitter, Seen& seen, std::string_view text, std::size_t piece = 1000) {
  for (std::size_t at = 0; at < text.size(); at += piece) {
    splitter.feed(std::as_bytes(std::span(text.substr(at, piece))), seen.sink());
  }
}

using Lines = std::vector<std::string>;

}  // namespace

TEST_CASE("lines end at the delimiter, in whatever pieces the bytes come") {
  struct Row {
    const char* why;
    std::string delimiter;
    std::string_view bytes;
    Lines lines;
  };
  const Row rows[] = {
      {"two lines and a beginning", "\r\n", "ab\r\ncd\r\nef", {"ab", "cd"}},
      {"a lone CR or LF is content", "\r\n", "a\rb\nc\r\n", {"a\rb\nc"}},
      {"empty lines are lines", "\n", "\n\na\n", {"", "", "a"}},
      {"CR CR LF: the first CR is content", "\r\n", "a\r\r\n", {"a\r"}},
      {"delimiter of three with a false start", "END", "xENEND", {"xEN"}},
      {"delimiter that overlaps itself", "aa", "baaab", {"b"}},
      {"STX and ETX framing",
       "\x03",
       "\x02"
       "12\x03",
       {"\x02"
        "12"}},
      {"a NUL byte is a byte", "\n", std::string_view("a\0b\n", 4), {std::string("a\0b", 3)}},
  };
  for (const Row& row : rows) {
    for (std::size_t piece = 1; piece <= row.bytes.size(); ++piece) {
      CAPTURE(row.why);
      CAPTURE(piece);
      LineSplitter splitter(row.delimiter, 100);
      Seen seen;
      feed(splitter, seen, row.bytes, piece);
      CHECK(seen.lines == row.lines);
      CHECK(seen.overlong.empty());
    }
  }
}

TEST_CASE("a line of exactly the limit is a line and one byte more is overlong") {
  for (const std::string delimiter : {"\n", "\r\n", "END"}) {
    CAPTURE(delimiter);
    LineSplitter splitter(delimiter, 5);
    Seen seen;
    feed(splitter, seen, "12345" + delimiter + "123456" + delimiter + "ok" + delimiter, 1);
    CHECK(seen.lines == Lines{"12345", "ok"});
    CHECK(seen.overlong.size() == 1);
    CHECK(splitter.dropped_bytes() == 6);
  }
}

TEST_CASE("an endless line costs a bounded buffer, is told once, and the next line is read") {
  LineSplitter splitter("\r\n", 16);
  Seen seen;
  for (int i = 0; i < 1000; ++i) {
    feed(splitter, seen, std::string(100, 'x'));
    CHECK(splitter.bytes_waiting() <= 18);
  }
  CHECK(seen.overlong == Lines{std::string(18, 'x')});
  CHECK(splitter.dropped_bytes() >= 99'998);  // counted while it goes on
  feed(splitter, seen, "y\r\nok\r\n");
  CHECK(seen.lines == Lines{"ok"});
  CHECK(splitter.dropped_bytes() == 100'001);
}

TEST_CASE("the delimiter that ends an overlong line may begin where the limit was reached") {
  LineSplitter splitter("\r\n", 4);
  Seen seen;
  feed(splitter, seen, "12345\r\nok\r\n", 1);
  CHECK(seen.overlong == Lines{"12345\r"});
  CHECK(seen.lines == Lines{"ok"});
}

TEST_CASE("a stream joined in the middle of a line begins with the next one") {
  LineSplitter splitter("\r\n", 100);
  Seen seen;
  splitter.skip_to_delimiter();
  feed(splitter, seen, "2.345kg\r\n17.000kg\r\n", 3);
  CHECK(seen.lines == Lines{"17.000kg"});
  CHECK(seen.overlong.empty());
  CHECK(splitter.dropped_bytes() == 7);
}

TEST_CASE("skipping in the middle of a delimiter finds its other half") {
  LineSplitter splitter("\r\n", 100);
  Seen seen;
  feed(splitter, seen, "half\r");
  splitter.skip_to_delimiter();
  feed(splitter, seen, "\nok\r\n");
  CHECK(seen.lines == Lines{"ok"});
}

TEST_CASE("a line that was given up does not damage the next one") {
  LineSplitter splitter("\r\n", 100);
  Seen seen;
  feed(splitter, seen, "ST,GS,+  01");
  CHECK(splitter.bytes_waiting() == 11);
  CHECK(splitter.abandon_line() == "ST,GS,+  01");
  feed(splitter, seen, "ok\r\n");
  CHECK(seen.lines == Lines{"ok"});
}
