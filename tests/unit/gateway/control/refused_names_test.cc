#include "gateway/control/refused_names.h"

#include <doctest/doctest.h>

using namespace hubward::control;

TEST_CASE("refused names come back as they were written") {
  const std::vector<std::string> names{"s1", "it's", "läuft \"2\""};
  CHECK(refused_in(refused_text(names)) == names);
  CHECK(refused_in(refused_text({})) == std::vector<std::string>{});
  const std::vector<std::string> longest(1000, std::string(255, '\x01'));
  CHECK(refused_in(refused_text(longest)) == longest);
}

TEST_CASE("a damaged file of refused names is not taken for one without names") {
  for (const char* text : {"", "{", "[]", "{}", R"({"version":1})", R"({"refused":{}})",
                           R"({"refused":["s1",7]})", R"({"version":1,"refused":["s1")"}) {
    CAPTURE(text);
    CHECK_FALSE(refused_in(text));
  }
}
