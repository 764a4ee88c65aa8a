// Which message is to blame when a link ends, and which is not (rule 2).
#include <doctest/doctest.h>

#include "tests/unit/gateway/device/window_harness.h"

using namespace hubward;
using namespace hubward::device;
using namespace hubward::device::test;

TEST_CASE("a hub that acknowledges nothing for hours puts no message into quarantine") {
  WindowHarness f;
  f.store(1, 40);
  for (int link = 0; link < 200; ++link) {
    f.window.on_link_up();
    f.fetch();
    f.send();
    CHECK(f.flying.size() == 32);
    f.lose_link(LinkEnd::PubackMissing);
  }
  CHECK(f.condemned.empty());
  f.live([](auto) { return false; });
  CHECK(f.delivered == range(1, 40));
}

TEST_CASE("a hub that acknowledges a few and then nothing puts no message into quarantine") {
  WindowHarness f;
  f.store(1, 60);
  for (std::uint64_t link = 0; link < 20; ++link) {
    f.window.on_link_up();
    f.fetch();
    f.send();
    f.acknowledge(link + 1);
    f.lose_link(LinkEnd::PubackMissing);
  }
  CHECK(f.condemned.empty());
  f.live([](auto) { return false; });
  CHECK(f.delivered == range(1, 60));
}

TEST_CASE("a message that the hub passes over at five links is set aside") {
  WindowHarness f;
  f.store(1, 100);
  int links = 0;
  while (f.condemned.empty() && links < 20) {
    ++links;
    f.window.on_link_up();
    f.fetch();
    f.send();
    while (f.flying.size() > 1) {
      f.acknowledge(f.flying[f.flying[0].second == 1 ? 1 : 0].second);
      if (f.delivered.size() == static_cast<std::size_t>(links) * 15) break;
    }
    f.lose_link(LinkEnd::PubackMissing);
  }
  CHECK(links == 5);
  CHECK(f.condemned == Sequences{1});
  f.live([](auto) { return false; });
  CHECK(f.delivered == range(2, 100));
}

TEST_CASE("the only message is not judged: it blocks nobody, and nobody can testify") {
  WindowHarness f;
  f.store(1);
  for (int link = 0; link < 50; ++link) CHECK(f.live([](auto) { return true; }));
  CHECK(f.condemned.empty());
  // Its drops are not forgotten: the first message behind it decides.
  f.store(2);
  CHECK_FALSE(f.live([](auto sequence) { return sequence == 1; }));
  CHECK(f.condemned == Sequences{1});
  CHECK(f.delivered == Sequences{2});
}

TEST_CASE("messages that end the link are all found, one behind the other too") {
  struct Row {
    const char* why;
    Sequences bad;
    int links_max;
  };
  const Row rows[] = {
      {"in the middle", {50}, 5},
      {"the very first", {1}, 5},
      {"the last but one", {99}, 5},
      {"two neighbours", {20, 21}, 16},
      {"three neighbours", {20, 21, 22}, 30},
      {"here and there", {3, 17, 18, 60, 99}, 40},
  };
  for (const Row& test : rows) {
    CAPTURE(test.why);
    WindowHarness f;
    f.store(1, 100);
    int links = 0;
    const auto fatal = [&](std::uint64_t sequence) {
      return std::find(test.bad.begin(), test.bad.end(), sequence) != test.bad.end();
    };
    while (f.live(fatal) && links < 100) ++links;
    CHECK(links <= test.links_max);
    CHECK(f.condemned == test.bad);
    Sequences good = range(1, 100);
    std::erase_if(good, fatal);
    CHECK(f.delivered == good);  // in order
  }
}

TEST_CASE("a hub that cuts every link for hours costs next to no good message, and no order") {
  // How an IoT Hub treats its devices when the day's quota is used up (reference section 3.10).
  std::size_t wrongly = 0;
  for (int cut_links = 1; cut_links <= 120; ++cut_links) {
    CAPTURE(cut_links);
    WindowHarness f;
    f.store(1, 100);
    for (int link = 0; link < cut_links; ++link) CHECK(f.live([](auto) { return true; }));
    CHECK(f.condemned.empty());
    CHECK_FALSE(f.live([](auto) { return false; }));
    CHECK(std::is_sorted(f.delivered.begin(), f.delivered.end()));
    CHECK(f.delivered.size() + f.condemned.size() == 100);
    wrongly += f.condemned.size();
  }
  // The letter of rule 2 would have set aside one at every fifth link: 1,404 in all.
  CHECK(wrongly < 400);
  MESSAGE("good messages set aside in 120 outages of 1 to 120 links: ", wrongly);
}

TEST_CASE("a trial whose link ends is no verdict, and nothing has been overtaken") {
  WindowHarness f;
  f.store(1, 3);
  for (int link = 0; link < 5; ++link) CHECK(f.live([](auto) { return true; }));
  f.window.on_link_up();
  f.sent.clear();
  f.send();
  CHECK(f.sent == Sequences{2});  // alone, in front of the accused one
  f.lose_link(LinkEnd::Lost);
  CHECK_FALSE(f.live([](auto) { return false; }));
  CHECK(f.condemned.empty());
  CHECK(f.delivered == range(1, 3));
}

TEST_CASE("a planned end during a trial leaves the order as it was") {
  WindowHarness f;
  f.store(1, 3);
  for (int link = 0; link < 5; ++link) CHECK(f.live([](auto) { return true; }));
  f.window.on_link_up();
  f.send();
  f.lose_link(LinkEnd::Planned);
  CHECK_FALSE(f.live([](auto) { return false; }));
  CHECK(f.delivered == range(1, 3));
}
