#include "gateway/platform/log_line.h"

#include <doctest/doctest.h>

namespace hubward::platform {
namespace {

TEST_CASE("a line names level, event and fields, and quotes what needs it") {
  CHECK(log_line(LogLevel::Warn, "hub_disconnected",
                 {{"device", "press-07"}, {"reason", "keep-alive time-out"}, {"attempt", "3"}}) ==
        "warn event=hub_disconnected device=press-07 reason=\"keep-alive time-out\" attempt=3");
  CHECK(log_line(LogLevel::Error, "x", {{"empty", ""}}) == "error event=x");
}

TEST_CASE("no foreign text breaks out of its value") {
  struct Row {
    const char* why;
    std::string value;
    const char* shown;
  };
  const Row rows[] = {
      {"new line with a forged entry", "a\nerror event=forged", R"("a\nerror event=forged")"},
      {"quote and backslash", "a\"b\\c", R"("a\"b\\c")"},
      {"a key of its own", "x=1", R"("x=1")"},
      {"terminal escape", "\x1b[2J", R"("\x1b[2J")"},
      {"zero byte", std::string("a\0b", 3), R"("a\x00b")"},
      {"delete", "\x7f", R"("\x7f")"},
      {"umlauts pass", "Fräse", "\"Fräse\""},
      {"beyond the basic plane passes", "\xF0\x9F\x8F\xAD", "\"\xF0\x9F\x8F\xAD\""},
      {"C1 control as UTF-8", "\xC2\x9B", R"("\xc2\x9b")"},
      {"right-to-left override", "\xE2\x80\xAE", R"("\xe2\x80\xae")"},
      {"line separator", "\xE2\x80\xA8", R"("\xe2\x80\xa8")"},
      {"lone continuation byte", "\x80", R"("\x80")"},
      {"cut-off character", "\xE2\x82", R"("\xe2\x82")"},
      {"overlong slash", "\xC0\xAF", R"("\xc0\xaf")"},
      {"overlong in three bytes", "\xE0\x80\xAF", R"("\xe0\x80\xaf")"},
      {"surrogate", "\xED\xA0\x80", R"("\xed\xa0\x80")"},
      {"past the last character", "\xF4\x90\x80\x80", R"("\xf4\x90\x80\x80")"},
      {"not UTF-8 at all", "\xFF", R"("\xff")"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    CHECK(log_line(LogLevel::Info, "e", {{"v", row.value}}) ==
          std::string("info event=e v=") + row.shown);
  }
}

TEST_CASE("a long value is cut and says so") {
  const std::string line = log_line(LogLevel::Info, "e", {{"v", std::string(5000, 'x')}});
  CHECK(line.size() < kLogValueBytesMax + 40);
  CHECK(line.ends_with("xxx...\""));
}

}  // namespace
}  // namespace hubward::platform
