#include "tests/sim/proxy/rule_book.h"

#include <doctest/doctest.h>

namespace hubward::simproxy {
namespace {

using namespace std::chrono_literals;

constexpr SteadyTime kStart{1000s};

Rule stall(std::string target = {}) {
  Rule rule;
  rule.kind = Kind::Stall;
  rule.target = std::move(target);
  return rule;
}

bool stalled(RuleBook& book, ConnectionId connection, std::string_view target = "hub-1",
             Direction direction = Direction::Down) {
  return book.treatment(connection, target, direction).stalled;
}

TEST_CASE("a rule concerns its target and its direction only") {
  RuleBook book;
  Rule rule = stall("hub-1");
  rule.direction = Direction::Down;
  book.add(rule, 1, kStart);
  CHECK(stalled(book, 1));
  CHECK_FALSE(stalled(book, 1, "hub-2"));
  CHECK_FALSE(stalled(book, 1, "hub-1", Direction::Up));
}

TEST_CASE("open and new connections are told apart by when they began") {
  RuleBook book;
  Rule open = stall("hub-1");
  open.which = Which::Open;
  Rule later = stall("hub-2");
  later.which = Which::New;
  book.add(open, 5, kStart);
  book.add(later, 5, kStart);
  CHECK(stalled(book, 4, "hub-1"));
  CHECK_FALSE(stalled(book, 5, "hub-1"));
  CHECK_FALSE(stalled(book, 4, "hub-2"));
  CHECK(stalled(book, 5, "hub-2"));
}

TEST_CASE("a rule for one connection leaves the others alone") {
  RuleBook book;
  Rule rule = stall();
  rule.connection = 3;
  book.add(rule, 9, kStart);
  CHECK(stalled(book, 3));
  CHECK_FALSE(stalled(book, 2));
}

TEST_CASE("a rule with times befalls the first connections and stays with them") {
  RuleBook book;
  Rule rule = stall("hub-1");
  rule.times = 2;
  book.add(rule, 1, kStart);
  CHECK_FALSE(stalled(book, 7, "hub-2"));  // does not count
  CHECK(stalled(book, 1));
  CHECK(stalled(book, 2));
  CHECK_FALSE(stalled(book, 3));
  CHECK(stalled(book, 1));
  CHECK(book.rules().begin()->second.taken.size() == 2);
}

TEST_CASE("a rule with a duration ends by itself, one without stays until it is deleted") {
  RuleBook book;
  Rule rule = stall("hub-1");
  rule.duration = 60s;
  book.add(rule, 1, kStart);
  const RuleId forever = book.add(stall("hub-2"), 1, kStart);
  CHECK(book.next_expiry() == kStart + 60s);
  CHECK_FALSE(book.expire(kStart + 59s));
  CHECK(stalled(book, 1));
  CHECK(book.expire(kStart + 60s));
  CHECK_FALSE(stalled(book, 1));
  CHECK_FALSE(book.next_expiry().has_value());
  CHECK(stalled(book, 1, "hub-2"));
  CHECK(book.remove(forever));
  CHECK_FALSE(book.remove(forever));
  CHECK_FALSE(stalled(book, 1, "hub-2"));
}

TEST_CASE("delays add up and the newest dribble decides") {
  RuleBook book;
  Rule delay;
  delay.kind = Kind::Delay;
  delay.delay = 100ms;
  delay.jitter = 10ms;
  book.add(delay, 1, kStart);
  book.add(delay, 1, kStart);
  Rule dribble;
  dribble.kind = Kind::Dribble;
  dribble.bytes = 5;
  dribble.every = 20ms;
  book.add(dribble, 1, kStart);
  dribble.bytes = 1;
  book.add(dribble, 1, kStart);
  const Treatment sum = book.treatment(1, "hub-1", Direction::Up);
  CHECK(sum.delay == 200ms);
  CHECK(sum.jitter == 20ms);
  CHECK(sum.piece_bytes == 1);
}

TEST_CASE("doors are refused by target, and cuts and hangs are orders of their own") {
  RuleBook book;
  Rule refuse;
  refuse.kind = Kind::Refuse;
  refuse.target = "dps";
  book.add(refuse, 1, kStart);
  Rule hang;
  hang.kind = Kind::Hang;
  hang.times = 1;
  book.add(hang, 1, kStart);
  Rule cut;
  cut.kind = Kind::Cut;
  cut.after = 13;
  cut.direction = Direction::Down;
  const RuleId id = book.add(cut, 1, kStart);
  CHECK(book.refuses("dps"));
  CHECK_FALSE(book.refuses("hub-1"));
  CHECK(book.hangs(1, "hub-1"));
  CHECK_FALSE(book.hangs(2, "hub-1"));
  CHECK(book.cuts(1, "hub-1", Direction::Up).empty());
  const auto orders = book.cuts(1, "hub-1", Direction::Down);
  REQUIRE(orders.size() == 1);
  CHECK(orders[0].rule == id);
  CHECK(orders[0].after == 13);
  CHECK(orders[0].after_max == 13);
  book.clear();
  CHECK_FALSE(book.refuses("dps"));
}

}  // namespace
}  // namespace hubward::simproxy
