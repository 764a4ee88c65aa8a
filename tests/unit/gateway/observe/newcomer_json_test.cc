#include "gateway/observe/newcomer_json.h"

#include <doctest/doctest.h>

#include "gateway/observe/live_feed.h"
#include "gateway/observe/status_json.h"
#include "tests/unit/gateway/observe/board_fixture.h"

using namespace hubward;
using namespace hubward::observe;
using namespace hubward::observe::test;

namespace {

NewcomersStatus two_newcomers() {
  NewcomersStatus status{.expected = true, .waiting = {}, .messages = 9, .refused = {"s3"}};
  status.waiting = {
      {"s1", "radio", "p/s1/t", 5, WallTime{2s}, WallTime{3s}, "", false, "not \x1b[2J json"},
      {"s\x1b[2J", "radio", "p/x/t", 2, WallTime{1s}, WallTime{4s}, "its name can be no id"}};
  return status;
}

std::string told(const NewcomersStatus& status, const NewcomerLimits& limits) {
  rapidjson::StringBuffer buffer;
  json::Writer out(buffer);
  write_newcomers(out, status, limits);
  return {buffer.GetString(), buffer.GetSize()};
}

}  // namespace

TEST_CASE("who waits is told, the longest first, with all foreign text made printable") {
  const std::string all = told(two_newcomers(), {});
  CHECK(
      all.starts_with(R"({"expected":true,"waiting":2,"refused":["s3"],"messages":9,"evicted":0)"));
  CHECK(all.find("its name can be no id") < all.find(R"("name":"s1")"));
  CHECK(all.find("\x1b") == std::string::npos);
  CHECK(all.find(R"("approved":false)") != std::string::npos);
  CHECK(all.find(R"("sample":"not )") != std::string::npos);
  const std::string few = told(two_newcomers(), {1, false});
  CHECK(few.find("s1") == std::string::npos);
  CHECK(few.find("messages") == std::string::npos);
  CHECK(few.find("sample") == std::string::npos);
}

TEST_CASE("a page is told of newcomers when they change, and not for each of their messages") {
  BoardFixture f;
  LiveFeed feed(f.board);
  LiveCursor cursor;
  const auto next = [&] {
    feed.refresh();
    return feed.next(cursor);
  };
  next();
  f.board.set_newcomers(two_newcomers());
  CHECK(next().find(R"("newcomers":{"expected":true,"waiting":2)") != std::string::npos);
  NewcomersStatus louder = two_newcomers();
  ++louder.waiting[0].messages;
  f.board.set_newcomers(louder);
  CHECK(next().find("newcomers") == std::string::npos);
  CHECK(status_json(f.board).find(R"("newcomers":{"expected":true)") != std::string::npos);
}

TEST_CASE("a device that is added while a page looks on appears there") {
  BoardFixture f;
  LiveFeed feed(f.board);
  LiveCursor cursor;
  feed.refresh();
  while (feed.has_news(cursor)) static_cast<void>(feed.next(cursor));
  CHECK(f.board.add_device(described("probe-1", "Probe 1")) == DeviceIndex{3});
  CHECK(f.board.find("probe-1") == DeviceIndex{3});
  CHECK(feed.watch(cursor, R"({"watch":["probe-1"]})"));  // not known here yet
  feed.refresh();
  CHECK(feed.next(cursor).find(R"("id":"probe-1")") != std::string::npos);
  CHECK(feed.watch(cursor, R"({"watch":["probe-1"]})"));
  CHECK(feed.next(cursor).find(R"("values":[{"id":"probe-1")") != std::string::npos);
  DeviceStatus status;
  status.device = DeviceIndex{3};
  status.tags.resize(2);
  f.board.device(status);
  CHECK(f.board.device_view(DeviceIndex{3})->reported);
  CHECK(device_json(f.board, DeviceIndex{3}).find("probe-1") != std::string::npos);
}
