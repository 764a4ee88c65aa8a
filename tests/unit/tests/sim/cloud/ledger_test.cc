#include "tests/sim/cloud/ledger.h"

#include <doctest/doctest.h>

#include <random>
#include <set>

using namespace hubward::simcloud;

namespace {

constexpr std::size_t kLogBytes = 1024 * 1024;

void record(Ledger& ledger, const std::string& id, const std::string& body = "{}",
            std::size_t log_bytes = kLogBytes) {
  ReceivedMessage message{.hub = 1};
  message.id = id;
  message.body = body;
  ledger.record(std::move(message), log_bytes);
}

}  // namespace

TEST_CASE("an interval set agrees with a plain set, whatever the order") {
  std::mt19937 random(7);
  for (int round = 0; round < 50; ++round) {
    IntervalSet intervals;
    std::set<std::uint64_t> plain;
    for (int i = 0; i < 200; ++i) {
      const std::uint64_t value = random() % 60;
      CHECK(intervals.insert(value) == plain.insert(value).second);
    }
    CHECK(intervals.size() == plain.size());
    std::uint64_t covered = 0;
    std::uint64_t previous = 0;
    for (const auto& [first, last] : intervals.ranges()) {
      CHECK((covered == 0 || first > previous + 1));  // neighbours are one range
      for (std::uint64_t value = first; value <= last; ++value) CHECK(plain.contains(value));
      covered += last - first + 1;
      previous = last;
    }
    CHECK(covered == plain.size());
  }
}

TEST_CASE("repeats and order violations are told apart") {
  Ledger ledger;
  for (const char* id : {"a-d-1", "a-d-2", "a-d-2", "a-d-5", "a-d-3", "b-d-1", "a-d-4", "a-d-4"}) {
    record(ledger, id);
  }
  CHECK(ledger.total() == 8);
  CHECK(ledger.unique() == 6);
  CHECK(ledger.repeated() == 2);
  CHECK(ledger.order_violations() == 2);  // 3 and 4 after 5; a new prefix starts afresh
  CHECK(ledger.by_hub().at(1).repeated == 2);
}

TEST_CASE("ids without a number at the end are remembered whole") {
  Ledger ledger;
  record(ledger, "x");
  record(ledger, "x");
  record(ledger, "a-1f");
  record(ledger, "");
  record(ledger, "");
  CHECK(ledger.repeated() == 1);
  CHECK(ledger.without_id() == 2);
  CHECK(ledger.unique() == 4);
  CHECK(ledger.other_ids().size() == 2);
}

TEST_CASE("values are the members of the bodies, each message counted once") {
  struct Row {
    const char* why;
    const char* body;
    std::uint64_t values;
  };
  const Row rows[] = {
      {"none", "{}", 0},
      {"two", R"({"a":1,"b":2.5})", 2},
      {"text with everything in it", R"({"a":"x:{\",\"y\":1","b":true})", 2},
      {"an object is one value", R"({"position":{"x":1,"y":2},"at":[1,2]})", 2},
      {"no object", "7", 0},
  };
  for (const auto& row : rows) {
    CAPTURE(row.why);
    Ledger ledger;
    record(ledger, "m-1", row.body);
    record(ledger, "m-1", row.body);  // once more
    CHECK(ledger.values() == row.values);
    record(ledger, "m-2", row.body);
    CHECK(ledger.values() == 2 * row.values);
  }
}

TEST_CASE("plant counters are found in any body") {
  struct Row {
    const char* why;
    const char* body;
    std::uint64_t received;
  };
  const Row rows[] = {
      {"plain", R"({"counter":5})", 1},
      {"spaces", R"({"counter" : 5})", 1},
      {"longer name", R"({"press_counter":5})", 1},
      {"capital", R"({"pressCounter":5})", 1},
      {"array of readings", R"([{"counter":5},{"counter":6}])", 2},
      {"a string", R"({"counter":"5"})", 0},
      {"negative", R"({"counter":-5})", 0},
      {"only a value", R"({"x":"counter"})", 0},
      {"name continues", R"({"counters":5})", 0},
      {"cut off", R"({"counter":)", 0},
      {"no quote before", R"(ounter":5)", 0},
  };
  for (const auto& row : rows) {
    CAPTURE(row.why);
    Ledger ledger;
    record(ledger, "a-1", row.body);
    std::uint64_t received = 0;
    for (const auto& [name, series] : ledger.counters()) received += series.received;
    CHECK(received == row.received);
  }
}

TEST_CASE("a counter that goes back to a value it has not had is out of order") {
  Ledger ledger;
  for (const char* value : {"1", "2", "4", "3", "3"}) {
    record(ledger, "", std::string(R"({"counter":)") + value + "}");
  }
  const CounterSeries& counter = ledger.counters().at("counter");
  CHECK(counter.order_violations == 1);
  CHECK(counter.seen.size() == 4);
  CHECK(counter.received == 5);
}

TEST_CASE("the log forgets the oldest beyond its bytes, the counts forget nothing") {
  Ledger ledger;
  for (int i = 1; i <= 100; ++i)
    record(ledger, "a-" + std::to_string(i), std::string(1000, 'x'), 20'000);
  CHECK(ledger.log().size() < 20);
  CHECK(ledger.log().back().number == 100);
  CHECK(ledger.unique() == 100);
  CHECK(ledger.ids().at("a-").seen.ranges().at(1) == 100);
}
