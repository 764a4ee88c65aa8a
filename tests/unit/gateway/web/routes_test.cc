#include "gateway/web/routes.h"

#include <doctest/doctest.h>

#include "gateway/web/page_assets.h"
#include "proto/json.h"
#include "tests/unit/gateway/observe/board_fixture.h"

using namespace hubward;
using namespace hubward::web;
using hubward::observe::test::BoardFixture;
using namespace std::chrono_literals;

TEST_CASE("each address answers with its own kind of document") {
  BoardFixture site(2);
  site.deliver(0);
  Routes routes(site.board, {});
  struct Row {
    const char* path;
    unsigned status;
    std::string_view type;
  };
  const Row rows[] = {
      {"/", 200, "text/html; charset=utf-8"},
      {"/app.js", 200, "text/javascript; charset=utf-8"},
      {"/style.css", 200, "text/css; charset=utf-8"},
      {"/lib/preact.js", 200, "text/javascript; charset=utf-8"},
      {"/api/status", 200, "application/json; charset=utf-8"},
      {"/api/devices/press-2", 200, "application/json; charset=utf-8"},
      {"/api/bad-inputs", 200, "application/json; charset=utf-8"},
      {"/metrics", 200, "text/plain; version=0.0.4; charset=utf-8"},
      {"/healthz", 200, "text/plain; charset=utf-8"},
      {"/api/devices/", 404, "text/plain; charset=utf-8"},
      {"/api/devices/press-9", 404, "text/plain; charset=utf-8"},
      {"/api/devices/../status", 404, "text/plain; charset=utf-8"},
      {"/etc/passwd", 404, "text/plain; charset=utf-8"},
      {"", 404, "text/plain; charset=utf-8"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.path);
    const Reply reply = routes.answer({row.path, {}});
    CHECK(reply.status == row.status);
    CHECK(reply.content_type == row.type);
    if (row.type.starts_with("application/json")) CHECK(json::parse(*reply.body).has_value());
  }
}

TEST_CASE("page files are compressed and known by their content") {
  BoardFixture site(0);
  Routes routes(site.board, {});
  std::size_t total = 0;
  for (const PageAsset& asset : page_assets()) {
    CAPTURE(asset.path);
    CHECK(asset.gzip.substr(0, 2) == "\x1f\x8b");
    total += asset.gzip.size();
    const Reply full = routes.answer({asset.path, "\"something older\""});
    CHECK(full.status == 200);
    CHECK(full.embedded == asset.gzip);
    const Reply known = routes.answer({asset.path, asset.etag});
    CHECK(known.status == 304);
    CHECK(known.embedded.empty());
  }
  CHECK(total < 120 * 1024);
}

TEST_CASE("a stuck loop is ill health, an unreachable cloud is not") {
  BoardFixture site(1);
  site.deliver(0);
  site.fail(0, CloudState::BackingOff, ErrorCode::OwnNetworkDown);
  bool running = true;
  Routes routes(site.board, [&] { return running; });
  CHECK(routes.answer({"/healthz", {}}).status == 200);
  running = false;
  CHECK(routes.answer({"/healthz", {}}).status == 503);
}

TEST_CASE("many readers of the large documents cost one copy a second") {
  BoardFixture site(1);
  Routes routes(site.board, {});
  const auto first = routes.answer({"/api/status", {}}).body;
  site.deliver(0);
  CHECK(routes.answer({"/api/status", {}}).body == first);
  site.clock.advance(1s);
  CHECK(routes.answer({"/api/status", {}}).body != first);
}
