#include "gateway/web/web_server.h"

#include <doctest/doctest.h>

#include <deque>
#include <optional>

#include "proto/json.h"
#include "tests/support/machine_clock.h"
#include "tests/unit/gateway/observe/board_fixture.h"
#include "tests/unit/gateway/web/http_client.h"

using namespace hubward;
using namespace hubward::web;
using namespace hubward::web::test;
using hubward::observe::StatusBoard;

namespace {

struct Served {
  explicit Served(std::size_t devices = 2)
      : board(observe::test::BoardFixture::site_of(devices), clock),
        server({.address = "127.0.0.1", .port = 0, .host_names = {"gw.example"}, .healthy = {}},
               board) {
    const auto started = server.start();
    REQUIRE_MESSAGE(started.has_value(), started.error().context);
  }

  // One request, everything that comes back.
  std::string ask(const std::string& request) const {
    Socket socket(server.port());
    socket.say(request);
    return socket.hear_all();
  }
  std::string get(const std::string& path, const std::string& host = "localhost",
                  const std::string& more = {}) const {
    return ask("GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\n" + more + "\r\n");
  }
  [[nodiscard]] bool alive() const { return status_of(get("/healthz")) == 200; }

  [[nodiscard]] std::string upgrade(const std::string& origin_line,
                                    const std::string& host = "127.0.0.1:8080",
                                    const std::string& path = "/api/live") const {
    return "GET " + path + " HTTP/1.1\r\nHost: " + host + "\r\n" + origin_line +
           "Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
           "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
           "Sec-WebSocket-Protocol: hubward-live\r\n\r\n";
  }

  hubward::test::MachineClock clock;
  StatusBoard board;
  WebServer server;
};

const std::string kOrigin = "Origin: http://127.0.0.1:8080\r\n";

}  // namespace

TEST_CASE("a taken port and a wrong address are values, not surprises") {
  Served site;
  StatusBoard& board = site.board;
  WebServer second(
      {.address = "127.0.0.1", .port = site.server.port(), .host_names = {}, .healthy = {}}, board);
  const auto taken = second.start();
  REQUIRE_FALSE(taken.has_value());
  CHECK(taken.error().code == ErrorCode::AddressInUse);
  CHECK(taken.error().context.starts_with("127.0.0.1:" + std::to_string(site.server.port())));
  WebServer foreign({.address = "192.0.2.1", .port = 0, .host_names = {}, .healthy = {}}, board);
  CHECK(foreign.start().error().code == ErrorCode::AddressInUse);
  WebServer name({.address = "no address", .port = 0, .host_names = {}, .healthy = {}}, board);
  CHECK(name.start().error().code == ErrorCode::ConfigInvalid);
  CHECK(site.alive());
}

TEST_CASE("page, documents and metrics are served with every protecting header") {
  Served site;
  for (const char* path : {"/", "/app.js", "/api/status", "/metrics", "/healthz", "/nothing"}) {
    CAPTURE(path);
    const std::string answer = site.get(path);
    CHECK(status_of(answer) == (std::string_view(path) == "/nothing" ? 404 : 200));
    CHECK(answer.find("content-security-policy: default-src 'none'; script-src 'self'") !=
          std::string::npos);
    CHECK(answer.find("x-content-type-options: nosniff") != std::string::npos);
    CHECK(answer.find("frame-ancestors 'none'") != std::string::npos);
    CHECK(answer.find("connection: close") != std::string::npos);
  }
  const std::string page = site.get("/");
  CHECK(page.find("content-encoding: gzip") != std::string::npos);
  const auto at = page.find("etag: ");
  REQUIRE(at != std::string::npos);
  const std::string etag = page.substr(at + 6, page.find("\r\n", at) - at - 6);
  CHECK(status_of(site.get("/", "localhost", "If-None-Match: " + etag + "\r\n")) == 304);
}

TEST_CASE("a large document arrives whole") {
  Served site(2000);
  const std::string answer = site.get("/api/status");
  const auto head = answer.find("\r\n\r\n");
  REQUIRE(head != std::string::npos);
  const auto document =
      json::parse(std::string_view(answer).substr(head + 4), {.bytes_max = 16 * 1024 * 1024});
  REQUIRE(document.has_value());
  CHECK(json::find(*document, "devices")->Size() == 2000);
}

TEST_CASE("requests under a foreign host name are refused everywhere") {
  Served site;
  for (const char* path : {"/", "/app.js", "/api/status", "/api/devices/press-1", "/metrics",
                           "/healthz", "/api/live", "/nothing"}) {
    CAPTURE(path);
    CHECK(status_of(site.get(path, "evil.example")) == 421);
  }
  CHECK(status_of(site.get("/healthz", "gw.example:8080")) == 200);
  CHECK(status_of(site.ask("GET /healthz HTTP/1.1\r\n\r\n")) != 200);
  CHECK(status_of(site.ask("GET /healthz HTTP/1.0\r\n\r\n")) != 200);
  CHECK(site.alive());
}

TEST_CASE("nothing but GET is answered") {
  Served site;
  for (const char* method :
       {"POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "CONNECT", "TRACE", "BREW"}) {
    CAPTURE(method);
    const std::string answer = site.ask(std::string(method) +
                                        " /api/status HTTP/1.1\r\nHost: localhost\r\n"
                                        "Content-Length: 4\r\n\r\nabcd");
    const int status = status_of(answer);
    CHECK((status == 0 || status >= 400));
    CHECK(answer.find("press-1") == std::string::npos);
  }
  CHECK(site.ask("POST /api/status HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n")
            .starts_with("HTTP/1.1 405"));
  CHECK(site.alive());
}

TEST_CASE("nothing but a WebSocket can be upgraded to, on a first and on a second request") {
  Served site;
  const std::string plain = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";
  for (const char* protocol :
       {"x", "h2c", "websocket2", "WEBSOCKETS", "TLS/1.0", "", "websocket, h2c"}) {
    CAPTURE(protocol);
    const std::string upgrade =
        std::string("GET /healthz HTTP/1.1\r\nHost: localhost\r\n") +
        "Connection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABk\r\n"
        "Upgrade: " +
        protocol + "\r\n\r\n";
    CHECK(status_of(site.ask(upgrade)) != 101);
    // In one packet, so that the second is there before the first is answered.
    const std::string together = site.ask(plain + upgrade);
    CHECK(together.find("HTTP/1.1 101") == std::string::npos);
    // After the first answer.
    Socket socket(site.server.port());
    socket.say("GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: keep-alive\r\n\r\n");
    CHECK(socket.hear_until("ok\n"));
    socket.say(upgrade);
    CHECK(socket.hear_all().find("HTTP/1.1 101") == std::string::npos);
    CHECK_FALSE(socket.timed_out());
  }
  CHECK(site.alive());
}

TEST_CASE("HTTP/2 without an upgrade is not understood") {
  Served site;
  const std::string answer = site.ask("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  CHECK(status_of(answer) != 200);
  CHECK(site.alive());
}

TEST_CASE("oversized, broken and unfinished requests end, and the others go on") {
  Served site;
  std::deque<Socket> idle;
  for (const char* unfinished : {"", "GET / HT", "GET / HTTP/1.1\r\nHost: localhost\r\n",
                                 "\x16\x03\x01\x02" /* a browser that tries TLS */}) {
    idle.emplace_back(site.server.port());
    idle.back().say(unfinished);
  }
  const std::string rows[] = {
      "GET / HTTP/1.1\r\nHost: localhost\r\nX: " + std::string(1024 * 1024, 'x') + "\r\n\r\n",
      "GET /" + std::string(100'000, 'a') + " HTTP/1.1\r\nHost: localhost\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: " + std::string(5000, 'h') + "\r\n\r\n",
      std::string(200'000, '\0'),
      "GET /%00%ff%2e%2e/%2e%2e/etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n",
      "GET /../../etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n",
      "GET / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 99999999999999999999\r\n\r\n",
      "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\nffffffffff\r\n",
  };
  for (const auto& row : rows) {
    CAPTURE(row.substr(0, 60));
    const std::string answer = site.ask(row);
    CHECK(answer.find("root:") == std::string::npos);
    CHECK(site.alive());
  }
  // They are ended by the server, within its time-out.
  for (Socket& socket : idle) {
    CHECK(status_of(socket.hear_all()) != 200);
    CHECK_FALSE(socket.timed_out());
  }
}

TEST_CASE("one source gets a limited number of connections") {
  Served site;
  std::deque<Socket> held;
  for (unsigned i = 0; i < WebServer::kConnectionsPerSourceMax; ++i) {
    held.emplace_back(site.server.port());
  }
  // The last one is answered only after all others were accepted, being last in the queue.
  held.back().say("GET /healthz HTTP/1.1\r\nHost: localhost\r\n");
  Socket over(site.server.port());
  over.say("GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n");
  CHECK(over.hear_all().empty());
  CHECK_FALSE(over.timed_out());
  held.clear();
  while (!site.alive()) {
  }
}

TEST_CASE("only the page itself may open the live connection") {
  Served site;
  struct Row {
    const char* why;
    std::string request;
    bool opened;
  };
  const Row rows[] = {
      {"the page", site.upgrade(kOrigin), true},
      {"the page under a configured name",
       site.upgrade("Origin: http://gw.example\r\n", "gw.example"), true},
      {"no origin", site.upgrade(""), false},
      {"empty origin", site.upgrade("Origin: \r\n"), false},
      {"null origin", site.upgrade("Origin: null\r\n"), false},
      {"foreign origin", site.upgrade("Origin: http://evil.example\r\n"), false},
      {"foreign host and origin alike",
       site.upgrade("Origin: http://evil.example\r\n", "evil.example"), false},
      {"another port", site.upgrade("Origin: http://127.0.0.1:9\r\n"), false},
      {"another path", site.upgrade(kOrigin, "127.0.0.1:8080", "/api/status"), false},
      {"the page's path", site.upgrade(kOrigin, "127.0.0.1:8080", "/"), false},
  };
  for (const auto& row : rows) {
    CAPTURE(row.why);
    Socket socket(site.server.port());
    socket.say(row.request);
    const bool opened = socket.hear_until("\r\n\r\n") && status_of(socket.heard()) == 101;
    CHECK(opened == row.opened);
    CHECK_FALSE(socket.timed_out());
  }
  CHECK(site.alive());
}

TEST_CASE("a live page gets the snapshot, the values it asks for, and changes as they come") {
  Served site;
  DeviceStatus status;
  status.device = DeviceIndex{1};
  status.cloud = CloudState::Online;
  status.field.link = FieldState::Link::Up;
  status.tags.resize(2);
  status.tags[0] = {TagReading{TagIndex{0}, 5.25, Quality::Good, {}}, site.clock.wall()};
  site.board.device(status);
  Socket socket(site.server.port());
  socket.say(site.upgrade(kOrigin));
  REQUIRE(socket.hear_until("\r\n\r\n"));
  CHECK(socket.heard().find("permessage-deflate") == std::string::npos);
  (void)socket.take(socket.heard().find("\r\n\r\n") + 4);

  const std::string snapshot = next_message(socket);
  CHECK(snapshot.find("\"first\":true") != std::string::npos);
  CHECK(snapshot.find("\"id\":\"press-2\"") != std::string::npos);
  socket.say(text_frame(R"({"watch":["press-2"]})"));
  std::string message;
  do {
    message = next_message(socket);
    REQUIRE_FALSE(message.empty());
  } while (message.find("\"values\"") == std::string::npos);
  CHECK(message.find("5.25") != std::string::npos);

  status.field = {FieldState::Link::Down, ErrorCode::NoAnswer, "unit 7"};
  site.board.device(status);
  do {
    message = next_message(socket);
    REQUIRE_FALSE(message.empty());
  } while (message.find("no_answer") == std::string::npos);
}

TEST_CASE("a live page that talks nonsense is closed") {
  Served site;
  const std::string endless = std::string("\x81\x7f\x7f\xff\xff\xff\xff\xff\xff\xff", 10);
  for (const std::string& nonsense :
       {text_frame("hello"), text_frame("{\"watch\":[1]}"), text_frame(std::string(60'000, '[')),
        endless + std::string(100'000, 'x'), std::string("\x81\x05hellohellohello")}) {
    Socket socket(site.server.port());
    socket.say(site.upgrade(kOrigin));
    REQUIRE(socket.hear_until("\r\n\r\n"));
    socket.say(nonsense);
    (void)socket.hear_all();
    CHECK_FALSE(socket.timed_out());
  }
  // Half a frame is no nonsense yet. Nobody else is kept waiting by it.
  Socket half(site.server.port());
  half.say(site.upgrade(kOrigin));
  REQUIRE(half.hear_until("\r\n\r\n"));
  half.say(endless);
  CHECK(site.alive());
}

TEST_CASE("stopping closes what is open, and may be asked for twice") {
  std::optional<Served> site(std::in_place);
  Socket live(site->server.port());
  live.say(site->upgrade(kOrigin));
  REQUIRE(live.hear_until("\r\n\r\n"));
  Socket idle(site->server.port());
  site->server.stop();
  site->server.stop();
  (void)live.hear_all();
  (void)idle.hear_all();
  CHECK_FALSE(live.timed_out());
  CHECK_FALSE(idle.timed_out());
}
