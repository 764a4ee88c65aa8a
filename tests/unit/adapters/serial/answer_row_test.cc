#include "adapters/serial/answer_row.h"

#include <doctest/doctest.h>

using namespace hubward::serial;
using enum AnswerRow::Verdict;

TEST_CASE("a device that lives is believed beside those that were silent before") {
  AnswerRow row;
  CHECK(row.came_alone("1", {3, false}, true) == Believed);
}

TEST_CASE("one that was silent answers more often than others can be late") {
  AnswerRow row;
  CHECK_FALSE(row.content());
  CHECK(row.came_alone("1", {2, false}, false) == AskAgain);
  CHECK(row.came_alone("2", {1, false}, false) == AskAgain);  // one may have come as the first
  CHECK(row.content() == "2");
  CHECK(row.came_alone("3", {0, false}, false) == Believed);
}

TEST_CASE("beside the late one of a device that lives only what is repeated is sure") {
  SUBCASE("it is") {
    AnswerRow row;
    CHECK(row.came_alone("7", {1, true}, true) == AskAgain);
    CHECK(row.came_alone("7", {1, true}, true) == Believed);
  }
  SUBCASE("it changes, or one of the two is another's") {
    AnswerRow row;
    CHECK(row.came_alone("7", {1, true}, true) == AskAgain);
    CHECK(row.came_alone("8", {0, false}, true) == Unclear);
  }
}
