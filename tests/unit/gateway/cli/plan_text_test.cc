#include "gateway/cli/plan_text.h"

#include <doctest/doctest.h>

#include "gateway/config/site.h"
#include "tests/unit/gateway/config/memory_site.h"

using namespace hubward;
using namespace hubward::cli;

namespace {

const char* const kGateway =
    R"({"version": 1, "dps": {"id_scope": "0ne1"}, "enrollments": {"plant": {"type": "group"}}})";

std::string meter(const std::string& id, int unit, const std::string& more = "") {
  return R"({"version": 1, "id": ")" + id + R"(", "enrollment": "plant", "key": {"file": "k"},
      "attach": {"modbus_rtu": {"port": "/dev/ttyS0", "baud": 9600, "parity": "none",
                                "unit_id": )" +
         std::to_string(unit) + more + R"(}},
      "tags": [
        {"name": "power", "address": "holding:10", "type": "float32"},
        {"name": "energy", "address": "holding:20", "type": "float32", "interval_ms": 5000},
        {"name": "door", "address": "discrete:3", "type": "bool"}]})";
}

config::SiteSettings site(const std::string& more = "") {
  config::MemoryFiles files;
  config::MemorySecrets secrets;
  files.files["site/gateway.json"] = kGateway;
  files.files["site/devices.d/a.json"] = meter("m-1", 1, more);
  files.files["site/devices.d/b.json"] = meter("m-2", 2);
  auto loaded = config::load_site("site", files, secrets);
  REQUIRE(loaded.settings);
  return *loaded.settings;
}

}  // namespace

TEST_CASE("a plan shows each request, its time on the bus, and what the whole line needs") {
  const auto text = plan_text(site(), "m-1", {}, Paint(false));
  REQUIRE(text);
  CHECK(*text ==
        "m-1: Modbus RTU /dev/ttyS0, 9600 8N1, unit 1\n"
        "answers after 5.0 ms (assumed); reads across gaps of 12 registers or 192 bits\n"
        "\n"
        "every 1 s: 2 requests, 56.9 ms\n"
        "  function 2  discrete:3     count 1     26.9 ms    door\n"
        "  function 3  holding:10     count 2     30.0 ms    power\n"
        "every 5 s: 2 requests, 77.7 ms\n"
        "  function 2  discrete:3     count 1     26.9 ms    door\n"
        "  function 3  holding:10     count 12    50.8 ms    power, energy\n"
        "\n"
        "the line with 2 devices needs 12.2 % of its time\n"
        "  m-1                     6.1 %     77.7 ms for all its tags\n"
        "  m-2                     6.1 %     77.7 ms for all its tags\n"
        "shortest cycle in which everything is read: 155.4 ms\n");
}

TEST_CASE("limits of the device are kept, and measured answer times are used") {
  const auto text = plan_text(site(R"(, "gap_max": 0, "registers_max": 10)"), "m-1",
                              {{"m-1", std::chrono::milliseconds{40}}}, Paint(false));
  REQUIRE(text);
  CHECK(text->find("answers after 40.0 ms (measured); reads across gaps of 0 registers") !=
        std::string::npos);
  CHECK(text->find("every 5 s: 3 requests") != std::string::npos);
}

TEST_CASE("a device that is not there, or not polled, has no plan") {
  CHECK_FALSE(plan_text(site(), "m-3", {}, Paint(false)));
}

TEST_CASE("answer times are taken from the gateway's status as far as they make sense") {
  CHECK(turnarounds_in(R"({"lines": [{"devices": [{"id": "a", "turnaround_us": 1500},
      {"id": "b"}, {"id": "c", "turnaround_us": -1}]}, {"devices": 3}, 7]})") ==
        Turnarounds{{"a", std::chrono::microseconds{1500}}});
  CHECK(turnarounds_in("not JSON").empty());
  CHECK(turnarounds_in("{}").empty());
}
