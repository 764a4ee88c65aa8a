#include "gateway/observe/plain_words.h"

#include <doctest/doctest.h>

#include <limits>

using namespace hubward::observe;
using namespace std::chrono_literals;

TEST_CASE("counts are grouped in thousands") {
  CHECK(count_words(0) == "0");
  CHECK(count_words(999) == "999");
  CHECK(count_words(1000) == "1,000");
  CHECK(count_words(41'200) == "41,200");
  CHECK(count_words(1'234'567) == "1,234,567");
  CHECK(count_words(std::numeric_limits<std::uint64_t>::max()) == "18,446,744,073,709,551,615");
  CHECK(counted(1, "message", "messages") == "1 message");
  CHECK(counted(0, "message", "messages") == "0 messages");
}

TEST_CASE("durations name their two largest units") {
  struct Row {
    std::chrono::milliseconds duration;
    const char* words;
  };
  const Row rows[] = {
      {-5s, "1 s"},  // the clock was set back
      {0s, "1 s"},          {59'999ms, "59 s"},
      {60s, "1 min"},       {3599s, "59 min"},
      {1h, "1 h"},          {3h + 12min + 59s, "3 h 12 min"},
      {24h, "1 d"},         {6 * 24h + 4h, "6 d 4 h"},
      {400 * 24h, "400 d"}, {(56 * 365 + 330) * 24h + 5h, "56 y 330 d"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.words);
    CHECK(duration_words(row.duration) == row.words);
  }
}

TEST_CASE("text from a wire is shown as valid UTF-8 without control characters") {
  struct Row {
    const char* why;
    std::string_view foreign;
    std::string_view shown;
  };
  const Row rows[] = {
      {"plain", "Press 07", "Press 07"},
      {"two, three and four bytes", "\u00b0C \u20ac \U0001F600", "\u00b0C \u20ac \U0001F600"},
      {"a byte that never occurs",
       "a\xff"
       "b",
       "a\uFFFD"
       "b"},
      {"cut off in the middle", "a\xe2\x82", "a\uFFFD\uFFFD"},
      {"overlong slash", "\xc0\xaf", "\uFFFD\uFFFD"},
      {"overlong in three bytes", "\xe0\x80\xaf", "\uFFFD\uFFFD\uFFFD"},
      {"half a surrogate pair", "\xed\xa0\x80", "\uFFFD\uFFFD\uFFFD"},
      {"past the last code point", "\xf4\x90\x80\x80", "\uFFFD\uFFFD\uFFFD\uFFFD"},
      {"terminal escape", "\x1b[31mred", " [31mred"},
      {"line feed", "a\nb", "a b"},
      {"control character in two bytes",
       "a\xc2\x9b"
       "b",
       "a b"},
      {"markup stays as it is", "<b>", "<b>"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.why);
    CHECK(shown_text(row.foreign) == row.shown);
  }
}
