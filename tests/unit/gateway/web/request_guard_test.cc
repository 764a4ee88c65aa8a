#include "gateway/web/request_guard.h"

#include <doctest/doctest.h>

using namespace hubward::web;

TEST_CASE("only this computer's own names and addresses are answered") {
  struct Row {
    const char* why;
    std::string_view host;
    bool allowed;
  };
  const Row rows[] = {
      {"localhost", "localhost:8080", true},
      {"localhost without port", "localhost", true},
      {"capitals", "LocalHost:8080", true},
      {"IPv4", "192.168.1.20:8080", true},
      {"IPv6", "[fe80::1]:8080", true},
      {"IPv6 without port", "[::1]", true},
      {"another port, as behind ssh -L", "127.0.0.1:9999", true},
      {"configured name", "gateway.plant.example:80", true},
      {"configured name, absolute", "gateway.plant.example.:80", true},
      {"a foreign name that resolves to us", "evil.example", false},
      {"a name that begins like ours", "localhost.evil.example", false},
      {"a name that ends like ours", "evil-gateway.plant.example", false},
      {"a name that looks like an address", "127.0.0.1.evil.example", false},
      {"none", "", false},
      {"port only", ":8080", false},
      {"port that is none", "localhost:80x", false},
      {"empty port", "localhost:", false},
      {"open bracket", "[::1", false},
      {"something after the bracket", "[::1]evil", false},
      {"user part", "localhost@evil.example", false},
      {"too short for an address", "127.1", false},
      {"two colons without brackets", "::1", false},
  };
  const std::vector<std::string> names{"Gateway.Plant.Example"};
  for (const auto& row : rows) {
    CAPTURE(row.why);
    CHECK(host_allowed(row.host, names) == row.allowed);
  }
  CHECK_FALSE(host_allowed(std::string(300, '1'), names));
  CHECK_FALSE(host_allowed("gateway.plant.example", {}));
}

TEST_CASE("a WebSocket may only be opened by the page itself") {
  struct Row {
    const char* why;
    std::string_view origin;
    std::string_view host;
    bool same;
  };
  const Row rows[] = {
      {"the page", "http://127.0.0.1:8080", "127.0.0.1:8080", true},
      {"the page behind TLS", "https://gw.example", "gw.example", true},
      {"capitals", "http://GW.example", "gw.EXAMPLE", true},
      {"another port", "http://127.0.0.1:8081", "127.0.0.1:8080", false},
      {"another host", "http://evil.example", "127.0.0.1:8080", false},
      {"none", "", "127.0.0.1:8080", false},
      {"sandboxed page", "null", "127.0.0.1:8080", false},
      {"no scheme", "127.0.0.1:8080", "127.0.0.1:8080", false},
      {"file", "file://", "127.0.0.1:8080", false},
      {"both empty", "http://", "", false},
      {"longer", "http://127.0.0.1:8080.evil.example", "127.0.0.1:8080", false},
  };
  for (const auto& row : rows) {
    CAPTURE(row.why);
    CHECK(same_origin(row.origin, row.host) == row.same);
  }
}
