#include "gateway/observe/live_feed.h"

#include <doctest/doctest.h>

#include <set>

#include "proto/json.h"
#include "tests/unit/gateway/observe/board_fixture.h"

using namespace hubward;
using namespace hubward::observe;
using hubward::observe::test::BoardFixture;
using namespace std::chrono_literals;

namespace {

struct Told {
  bool first = false, site = false;
  std::vector<std::string> states, values;
  std::size_t events = 0;
};

Told told(const std::string& message) {
  const auto document = json::parse(message, {.bytes_max = 8 * 1024 * 1024});
  REQUIRE_MESSAGE(document.has_value(), message);
  Told result;
  result.first = json::find(*document, "first") != nullptr;
  result.site = json::find(*document, "site") != nullptr;
  const auto ids = [&](const char* name, std::vector<std::string>& into) {
    const json::Value* list = json::find(*document, name);
    if (list == nullptr) return;
    for (const auto& item : list->GetArray()) {
      into.emplace_back(json::as_string(json::find(item, "id")).value_or("?"));
    }
  };
  ids("devices", result.states);
  ids("values", result.values);
  if (const auto* events = json::find(*document, "events")) result.events = events->Size();
  return result;
}

}  // namespace

TEST_CASE("a new page is told everything once, then only what changed") {
  BoardFixture site(3);
  for (std::size_t i = 0; i < 3; ++i) site.deliver(i);
  site.board.event({site.clock.wall(), std::nullopt, "started", "Started."});
  LiveFeed feed(site.board);
  LiveCursor page;
  CHECK(feed.refresh());
  CHECK(feed.has_news(page));
  const Told snapshot = told(feed.next(page));
  CHECK(snapshot.first);
  CHECK(snapshot.site);
  CHECK(snapshot.states.size() == 3);
  CHECK(snapshot.events == 1);
  CHECK(snapshot.values.empty());
  CHECK_FALSE(feed.has_news(page));
  CHECK_FALSE(feed.refresh());

  site.silence(1);
  CHECK(feed.refresh());
  REQUIRE(feed.has_news(page));
  const Told change = told(feed.next(page));
  CHECK_FALSE(change.first);
  CHECK(change.site);
  CHECK(change.states == std::vector<std::string>{"press-2"});
  CHECK(change.events == 0);
  CHECK_FALSE(feed.has_news(page));
}

TEST_CASE("readings of a device go only to the pages that show it") {
  BoardFixture site(2);
  site.deliver(0);
  site.deliver(1);
  LiveFeed feed(site.board);
  LiveCursor page;
  LiveCursor other;
  feed.refresh();
  (void)feed.next(page);
  (void)feed.next(other);
  REQUIRE(feed.watch(page, R"({"watch":["press-2","unknown"]})").has_value());
  CHECK(feed.has_news(page));
  CHECK(told(feed.next(page)).values == std::vector<std::string>{"press-2"});
  CHECK_FALSE(feed.has_news(page));

  site.clock.step_wall(100ms);
  site.read(1, 7.0);
  site.publish(1);
  feed.refresh();
  const Told change = told(feed.next(page));
  CHECK(change.values == std::vector<std::string>{"press-2"});
  CHECK(change.states.empty());
  CHECK_FALSE(feed.has_news(other));
}

TEST_CASE("a slow page is told the newest state, not every one in between") {
  BoardFixture site(1);
  site.deliver(0);
  LiveFeed feed(site.board);
  LiveCursor page;
  feed.refresh();
  (void)feed.next(page);
  for (int i = 0; i < 1000; ++i) {
    site.silence(0);
    feed.refresh();
    site.deliver(0);
    feed.refresh();
  }
  site.silence(0);
  feed.refresh();
  const std::string message = feed.next(page);
  CHECK(told(message).states == std::vector<std::string>{"press-1"});
  CHECK(message.find("\"severity\":\"alarm\"") != std::string::npos);
  CHECK(message.size() < 4000);
  CHECK_FALSE(feed.has_news(page));
}

TEST_CASE("five thousand devices come in bounded messages, each device once") {
  BoardFixture site(5000);
  LiveFeed feed(site.board);
  LiveCursor page;
  feed.refresh();
  std::set<std::string> seen;
  int messages = 0;
  while (feed.has_news(page)) {
    const std::string message = feed.next(page);
    CHECK(message.size() < 128 * 1024);
    for (const auto& id : told(message).states) CHECK(seen.insert(id).second);
    REQUIRE(++messages < 100);
  }
  CHECK(seen.size() == 5000);
}

TEST_CASE("a device that falls silent is reported without any new status") {
  BoardFixture site(1);
  site.deliver(0);
  LiveFeed feed(site.board);
  LiveCursor page;
  feed.refresh();
  (void)feed.next(page);
  site.clock.step_wall(20min);
  CHECK(feed.refresh());
  CHECK(feed.has_news(page));
  CHECK(feed.next(page).find("No new readings") != std::string::npos);
}

TEST_CASE("what a page may say is one small list of ids") {
  BoardFixture site(1);
  LiveFeed feed(site.board);
  LiveCursor page;
  std::string many = R"({"watch":["press-1")";
  for (std::size_t i = 0; i < LiveFeed::kWatchedMax; ++i) many += R"(,"press-1")";
  const std::string rows[] = {"",
                              "{}",
                              "[]",
                              "null",
                              R"({"watch":1})",
                              R"({"watch":[1]})",
                              R"({"watch":["press-1"])",
                              R"({"watch":[[[[[[["x"]]]]]]]})",
                              many + "]}",
                              "{\"watch\":[\"" + std::string(20'000, 'x') + "\"]}"};
  for (const auto& row : rows) {
    CAPTURE(row.substr(0, 60));
    CHECK_FALSE(feed.watch(page, row).has_value());
  }
  CHECK(page.watched.empty());
  CHECK(feed.watch(page, R"({"watch":[]})").has_value());
}
