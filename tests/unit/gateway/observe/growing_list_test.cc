#include "gateway/observe/growing_list.h"

#include <doctest/doctest.h>

#include <string>

using hubward::observe::GrowingList;

TEST_CASE("what is in the list stays where it is while it grows, up to its bound") {
  GrowingList<std::string> list({"a", "b"});
  const std::string* const first = &list[0];
  CHECK(list.push_back("c"));
  const std::string* const third = &list[2];
  std::size_t taken = 1;
  while (list.push_back(std::to_string(taken))) ++taken;
  CHECK(taken == 10'000);
  CHECK(list.size() == 10'002);
  CHECK(first == &list[0]);
  CHECK(third == &list[2]);
  CHECK(list[10'001] == "9999");
  const GrowingList<std::string> moved(std::move(list));
  CHECK(moved.size() == 10'002);
  CHECK(moved[2] == "c");
  CHECK(GrowingList<std::string>().empty());
}
