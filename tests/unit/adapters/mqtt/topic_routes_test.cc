#include "adapters/mqtt/topic_routes.h"

#include <doctest/doctest.h>

using namespace hubward;
using namespace hubward::mqtt;

namespace {

using Owner = TopicRoutes::Owner;
using Places = std::vector<std::size_t>;

Owner owner(std::size_t place, std::string name, std::string topic) {
  return {place, std::move(name), std::move(topic)};
}

}  // namespace

TEST_CASE("a thousand devices with one template share one subscription") {
  std::vector<Owner> owners;
  for (int i = 0; i < 1000; ++i) {
    owners.push_back(
        owner(static_cast<std::size_t>(i), "s" + std::to_string(i), "plant/{device}/t"));
  }
  const auto routes = TopicRoutes::make(owners, TopicRoutes::Sharing::Refused);
  REQUIRE(routes);
  CHECK(routes->filters() == std::vector<std::string>{"plant/+/t"});
  CHECK(routes->owners_of("plant/s0/t") == Places{0});
  CHECK(routes->owners_of("plant/s999/t") == Places{999});
  CHECK(routes->owners_of("plant/s1000/t").empty());
  CHECK(routes->owners_of("plant/s1/u").empty());
}

TEST_CASE(
    "different templates stand side by side, and the owner that was named first comes first") {
  const auto routes = TopicRoutes::make(
      {owner(0, "a", "x/{device}/#"), owner(1, "b", "x/+/{device}"), owner(2, "c", "hall/door")},
      TopicRoutes::Sharing::Refused);
  REQUIRE(routes);
  CHECK(routes->filters() == std::vector<std::string>{"x/+/#", "x/+/+", "hall/door"});
  CHECK(routes->owners_of("x/a/q") == Places{0});
  CHECK(routes->owners_of("x/q/b") == Places{1});
  CHECK(routes->owners_of("x/a/b") == Places{0, 1});
  CHECK(routes->owners_of("hall/door") == Places{2});
}

TEST_CASE("templates that cannot work are refused and name the topic") {
  struct Row {
    const char* why;
    std::vector<Owner> owners;
  };
  const Row rows[] = {
      {"no template", {owner(0, "a", "x/#/y")}},
      {"same name on the same template",
       {owner(0, "a", "x/{device}"), owner(0, "a", "x/{device}")}},
      {"same topic without a name", {owner(0, "a", "hall/door"), owner(0, "b", "hall/door")}},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    const auto routes = TopicRoutes::make(row.owners, TopicRoutes::Sharing::Refused);
    REQUIRE(!routes);
    CHECK(routes.error().code == ErrorCode::ConfigInvalid);
    CHECK(routes.error().context.find(row.owners[0].topic_template) != std::string::npos);
  }
}

TEST_CASE("a topic that may be shared belongs to all who named it") {
  const auto routes =
      TopicRoutes::make({owner(0, "a", "bridge/state"), owner(1, "b", "bridge/state"),
                         owner(2, "c", "plant/{device}/up")},
                        TopicRoutes::Sharing::Allowed);
  REQUIRE(routes);
  CHECK(routes->owners_of("bridge/state") == Places{0, 1});
  CHECK(routes->owners_of("plant/c/up") == Places{2});
  CHECK(routes->filters() == std::vector<std::string>{"bridge/state", "plant/+/up"});
}
