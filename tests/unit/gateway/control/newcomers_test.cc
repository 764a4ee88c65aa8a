#include "gateway/control/newcomers.h"

#include <doctest/doctest.h>

using namespace hubward;
using namespace hubward::control;
using namespace std::chrono_literals;

namespace {

constexpr WallTime kWall{1767225600s};
constexpr SteadyTime kNow{1h};

Newcomers by_hand() {
  return Newcomers({{.name = "radio", .approve_names = {}, .devices_max = 2}});
}

bool hear(Newcomers& newcomers, std::string_view name, WallTime wall = kWall,
          SteadyTime now = kNow) {
  const std::string topic = "plant/" + std::string(name) + "/t";
  return newcomers.hear(0, {name, topic}, wall, now);
}

}  // namespace

TEST_CASE("of what a newcomer says the newest is shown, and only its beginning") {
  Newcomers newcomers = by_hand();
  CHECK_FALSE(newcomers.hear(0, {"s1", "plant/s1/t", "not json"}, kWall, kNow));
  CHECK(newcomers.look().waiting.at(0).sample == "not json");
  const std::string much(5000, 'x');
  CHECK_FALSE(newcomers.hear(0, {"s1", "plant/s1/t", much}, kWall, kNow));
  CHECK(newcomers.look().waiting.at(0).sample == much.substr(0, Newcomers::kSampleBytesMax));
}

TEST_CASE("a newcomer waits, is counted, and is let in once") {
  Newcomers newcomers = by_hand();
  CHECK_FALSE(hear(newcomers, "s1"));
  CHECK_FALSE(hear(newcomers, "s1", kWall + 1s));
  const NewcomersStatus status = newcomers.look();
  REQUIRE(status.waiting.size() == 1);
  CHECK((status.waiting[0] == Newcomer{"s1", "radio", "plant/s1/t", 2, kWall, kWall + 1s, ""}));
  CHECK(status.messages == 2);
  CHECK(newcomers.waiting("s1") == 0);
  CHECK_FALSE(newcomers.waiting("s2"));
  newcomers.begin("s1");
  CHECK_FALSE(newcomers.waiting("s1"));  // not twice
  CHECK_FALSE(newcomers.refuse("s1"));
  newcomers.added("s1");
  CHECK(newcomers.look().waiting.empty());
}

TEST_CASE("a rule lets in whom it names, while their names can be ids, up to its bound") {
  struct Row {
    const char* why;
    NewcomerRule rule;
    const char* name;
    bool lets_in;
  };
  const Row rows[] = {
      {"all",
       {.name = "r", .approve_all = true, .approve_names = {}, .devices_max = 1},
       "s1",
       true},
      {"by name", {.name = "r", .approve_names = {"x", "s*"}, .devices_max = 1}, "s1", true},
      {"another name", {.name = "r", .approve_names = {"x", "s*"}, .devices_max = 1}, "t1", false},
      {"no id",
       {.name = "r", .approve_all = true, .approve_names = {}, .devices_max = 1},
       "S_1",
       false},
      {"out of the folder",
       {.name = "r", .approve_all = true, .approve_names = {}, .devices_max = 1},
       "..",
       false},
      {"as many as may be",
       {.name = "r", .approve_all = true, .approve_names = {}, .devices_max = 7, .devices = 7},
       "s1",
       false},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    Newcomers newcomers({row.rule});
    CHECK(hear(newcomers, row.name) == row.lets_in);
    CHECK(newcomers.look().waiting.size() == 1);
  }
}

TEST_CASE("whom a rule let in counts, and one that could not be added is tried again later") {
  Newcomers newcomers({{.name = "r", .approve_all = true, .approve_names = {}, .devices_max = 1}});
  REQUIRE(hear(newcomers, "s1"));
  newcomers.begin("s1");
  CHECK_FALSE(hear(newcomers, "s1"));  // is being added
  CHECK_FALSE(hear(newcomers, "s2"));  // no more may be
  newcomers.failed("s1", "its tag is wrong", Newcomers::Fault::Newcomer, kNow);
  CHECK(newcomers.look().waiting[0].problem == "its tag is wrong");
  CHECK_FALSE(hear(newcomers, "s1", kWall, kNow + 59s));
  CHECK(hear(newcomers, "s1", kWall, kNow + 60s));
}

TEST_CASE("a failure that every other one would meet pauses the whole rule") {
  Newcomers newcomers({{.name = "r", .approve_all = true, .approve_names = {}, .devices_max = 9}});
  for (const auto fault : {Newcomers::Fault::Newcomer, Newcomers::Fault::Rule}) {
    REQUIRE(hear(newcomers, "s1", kWall, kNow + 60s));
    newcomers.begin("s1");
    newcomers.failed("s1", "the disk is full", fault, kNow);
  }
  CHECK_FALSE(hear(newcomers, "s2", kWall, kNow + 59s));
  CHECK(newcomers.look().waiting[1].problem.find("another device") != std::string::npos);
  CHECK(newcomers.waiting("s2") == 0);  // people may try at any time
  CHECK(hear(newcomers, "s2", kWall, kNow + 60s));
}

TEST_CASE("who is approved and cannot run before a restart is neither heard nor approved again") {
  Newcomers newcomers({{.name = "r", .approve_all = true, .approve_names = {}, .devices_max = 1}});
  REQUIRE(hear(newcomers, "s1"));
  newcomers.begin("s1");
  newcomers.added_for_later("s1", "another topic");
  CHECK_FALSE(hear(newcomers, "s1", kWall + 1s, kNow + 1h));
  CHECK_FALSE(newcomers.waiting("s1"));
  CHECK_FALSE(newcomers.refuse("s1"));
  CHECK_FALSE(hear(newcomers, "s2"));  // it counts against devices_max
  for (std::size_t i = 0; i < Newcomers::kWaitingMax; ++i) {
    hear(newcomers, "flood-" + std::to_string(i), kWall + 2s);
  }
  const NewcomersStatus status = newcomers.look();
  const Newcomer* found = nullptr;
  for (const Newcomer& one : status.waiting) found = one.name == "s1" ? &one : found;
  REQUIRE(found);
  CHECK(found->approved);
  CHECK(found->problem == "approved; it runs after a restart: another topic");
}

TEST_CASE("a name is of the rule that heard it first, whoever hears it later") {
  Newcomers newcomers({{.name = "a", .approve_names = {}, .devices_max = 9},
                       {.name = "b", .approve_all = true, .approve_names = {}, .devices_max = 9}});
  CHECK_FALSE(newcomers.hear(0, {"s1", "plant/s1/t"}, kWall, kNow));
  CHECK_FALSE(newcomers.hear(1, {"s1", "other/s1"}, kWall, kNow));
  CHECK(newcomers.waiting("s1") == 0);
  CHECK((newcomers.look().waiting[0] ==
         Newcomer{"s1", "a", "plant/s1/t", 2, kWall, kWall, "", false}));
}

TEST_CASE("who was refused is not heard, also after a restart, until somebody forgives") {
  Newcomers newcomers = by_hand();
  CHECK_FALSE(newcomers.refuse("s1"));  // nobody of that name waits
  hear(newcomers, "s1");
  CHECK(newcomers.refuse("s1"));
  hear(newcomers, "s1");
  CHECK(newcomers.look().waiting.empty());
  CHECK(newcomers.look().messages == 2);

  Newcomers later = by_hand();
  later.restore_refused(newcomers.look().refused);
  hear(later, "s1");
  CHECK(later.look().waiting.empty());
  CHECK(later.forgive("s1"));
  CHECK_FALSE(later.forgive("s1"));
  hear(later, "s1");
  CHECK(later.look().waiting.size() == 1);
}

TEST_CASE("a flood of names is bounded, and who was heard least recently makes room") {
  Newcomers newcomers = by_hand();
  hear(newcomers, "quiet", kWall);
  hear(newcomers, "busy", kWall);
  newcomers.begin("quiet");  // is being added: stays
  for (std::size_t i = 0; i < Newcomers::kWaitingMax + 10; ++i) {
    hear(newcomers, "flood-" + std::to_string(i), kWall + std::chrono::seconds(i + 1));
    hear(newcomers, "busy", kWall + std::chrono::seconds(i + 1));
  }
  const NewcomersStatus status = newcomers.look();
  CHECK(status.waiting.size() == Newcomers::kWaitingMax);
  CHECK(status.evicted == 12);
  const auto has = [&](std::string_view name) {
    for (const Newcomer& one : status.waiting) {
      if (one.name == name) return true;
    }
    return false;
  };
  CHECK(has("busy"));
  CHECK(has("quiet"));
  CHECK_FALSE(has("flood-0"));
  CHECK_FALSE(hear(newcomers, std::string(256, 'x')));  // too long to be anybody's
  CHECK(newcomers.look().evicted == 12);
}

TEST_CASE("ids and patterns are what they should be") {
  for (const char* id : {"a", "0", "press-07", "a-b-c"}) CHECK(is_device_id(id));
  for (const char* id : {"", "-a", "a-", "A", "a_b", "..", "a/b", "a b", "ä"}) {
    CHECK_FALSE(is_device_id(id));
  }
  CHECK(is_device_id(std::string(64, 'a')));
  CHECK_FALSE(is_device_id(std::string(65, 'a')));
  struct Row {
    std::string_view pattern, name;
    bool matches;
  };
  const Row rows[] = {{"s1", "s1", true},       {"s1", "s10", false},     {"s*", "s", true},
                      {"s*", "sensor-7", true}, {"*", "", true},          {"*-x", "a-x-x", true},
                      {"*-x", "a-x-y", false},  {"a*b*c", "aXbYc", true}, {"a*b*c", "acb", false},
                      {"", "", true},           {"", "a", false},         {"**", "a", true}};
  for (const Row& row : rows) {
    CAPTURE(row.pattern);
    CAPTURE(row.name);
    CHECK(matches_name(row.pattern, row.name) == row.matches);
  }
  CHECK_FALSE(matches_name(std::string(100, '*') + "b", std::string(255, 'a')));
}
