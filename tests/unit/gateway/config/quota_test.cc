#include "gateway/config/quota.h"

#include <doctest/doctest.h>

#include "gateway/config/modbus_rate.h"

using namespace hubward;
using namespace hubward::config;
using namespace std::chrono_literals;

namespace {

constexpr double kDay = 86'400;

struct TagPlan {
  std::uint16_t address;
  std::chrono::milliseconds interval = 1000ms;
  std::string component = {};
  TagDescription::As as = TagDescription::As::Telemetry;
  modbus::Table table = modbus::Table::HoldingRegister;
};

// One Modbus device with such tags.
SiteSettings modbus_site(const std::vector<TagPlan>& tags) {
  SiteSettings site;
  DeviceDescription description;
  description.id = "press-07";
  modbus::DeviceSettings settings;
  for (const auto& plan : tags) {
    TagDescription tag;
    tag.name = "t" + std::to_string(plan.address);
    tag.component = plan.component;
    tag.as = plan.as;
    description.tags.push_back(tag);
    modbus::TagSettings read;
    read.tag = TagIndex{static_cast<std::uint16_t>(settings.tags.size())};
    read.table = plan.table;
    read.address = plan.address;
    read.interval = plan.interval;
    settings.tags.push_back(read);
  }
  site.devices.push_back(description);
  site.modbus_buses.push_back({TcpEndpoint{"h", 502}, {settings}});
  return site;
}

SiteSettings spontaneous_site(std::optional<double> expected) {
  SiteSettings site;
  DeviceDescription description;
  description.id = "scale-2";
  description.expected_messages_per_minute = expected;
  site.devices.push_back(description);
  return site;
}

SiteQuota so_many(double messages_a_day) {
  SiteQuota quota;
  DeviceQuota device;
  device.messages_a_day = messages_a_day;
  quota.devices.push_back(device);
  quota.messages_a_day = quota.blocks_of_4_kb = quota.blocks_of_half_kb = messages_a_day;
  return quota;
}

LimitSettings tier(Tier which, std::uint32_t units = 1) {
  LimitSettings limits;
  limits.tier = which;
  limits.units = units;
  return limits;
}

bool has(const std::string& text, const std::string& words) {
  return text.find(words) != std::string::npos;
}

}  // namespace

TEST_CASE("a Modbus device makes one message for each poll and component") {
  struct Row {
    const char* why;
    std::vector<TagPlan> tags;
    double a_day;
  };
  using enum TagDescription::As;
  const Row rows[] = {
      {"neighbours share a request", {{0}, {1}, {2}}, kDay},
      {"a hole of eight registers is read over", {{0}, {9}}, kDay},
      {"a wider one takes two requests, and one message", {{0}, {100}}, kDay},
      {"two tables, two requests, one message",
       {{0}, {0, 1000ms, "", Telemetry, modbus::Table::Coil}},
       kDay},
      {"two components, two messages of one request", {{0}, {1, 1000ms, "hydraulics"}}, 2 * kDay},
      {"a property is no telemetry", {{0, 1000ms, "", Property}}, 0},
      {"a property in the same request costs nothing", {{0}, {1, 1000ms, "", Property}}, kDay},
      {"ten a second", {{0, 100ms}}, 10 * kDay},
      {"two intervals that fall due together are read together", {{0, 1000ms}, {1, 2000ms}}, kDay},
      {"and apart where they do not: 3 and 2 seconds, four instants in six",
       {{0, 2000ms}, {1, 3000ms}},
       kDay / 6 * 4},
      {"an interval of a day is one message", {{0, 86'400'000ms}}, 1},
      {"intervals that never meet again in a day are estimated",
       {{0, 86'399'999ms}, {100, 1000ms}},
       kDay},
  };
  for (const auto& row : rows) {
    CAPTURE(row.why);
    const SiteQuota quota = quota_of(modbus_site(row.tags));
    REQUIRE(quota.devices[0].messages_a_day);
    CHECK(*quota.devices[0].messages_a_day == doctest::Approx(row.a_day).epsilon(0.001));
    CHECK(quota.messages_a_day == *quota.devices[0].messages_a_day);
  }
}

TEST_CASE("long messages count several blocks, and more of the small ones of the free tier") {
  std::vector<TagPlan> tags;
  for (std::uint16_t i = 0; i < 125; ++i) tags.push_back({i});
  const SiteQuota quota = quota_of(modbus_site(tags));
  // 125 x ("t100":-32768,) and what a message carries besides.
  CHECK(quota.messages_a_day == doctest::Approx(kDay));
  CHECK(quota.blocks_of_4_kb == doctest::Approx(kDay));
  CHECK(quota.blocks_of_half_kb > 3 * kDay);
  SiteSettings long_names = modbus_site(tags);
  for (auto& tag : long_names.devices[0].tags) tag.name = std::string(64, 'n');
  CHECK(quota_of(long_names).blocks_of_4_kb == doctest::Approx(3 * kDay));
}

TEST_CASE("a device that sends by itself is unknown, unless its file says how often") {
  const SiteQuota unknown = quota_of(spontaneous_site(std::nullopt));
  CHECK_FALSE(unknown.devices[0].messages_a_day);
  CHECK(unknown.unknown == 1);
  CHECK(unknown.messages_a_day == 0);
  const SiteQuota said = quota_of(spontaneous_site(6));
  CHECK(said.unknown == 0);
  CHECK(said.messages_a_day == 6 * 1440);
}

TEST_CASE("of a serial device that is asked it is not said that its file expects so many") {
  SiteSettings site = spontaneous_site(6);
  CHECK(quota_of(site).devices[0].from == "as its file expects");
  serial::DeviceSettings device;
  device.requests.resize(1);
  site.serial_lines.emplace_back().devices.push_back(device);
  CHECK(quota_of(site).devices[0].from == "as often as it is asked, or as its file expects");
}

TEST_CASE("the smallest tier that is enough is named with its units") {
  struct Row {
    double messages;
    const char* tier;
  };
  for (const Row& row : {Row{0, "free ("}, Row{8'000, "free (8,000 a day, 100 % used)"},
                         Row{8'001, "s1 with 1 unit (400,000 a day, 2.0 % used)"},
                         Row{400'000, "s1 with 1 unit"}, Row{400'001, "s1 with 2 units"},
                         Row{4'000'001, "s2 with 1 unit (6,000,000 a day, 67 % used)"},
                         Row{60'000'001, "s3 with 1 unit"}, Row{4e9, "none"}}) {
    CAPTURE(row.messages);
    CAPTURE(smallest_tier(so_many(row.messages)));
    CHECK(smallest_tier(so_many(row.messages)).starts_with(row.tier));
  }
}

TEST_CASE("what is over the tier's quota, or over IoT Central's rate of one device, is told") {
  CHECK(excesses(so_many(1e12), tier(Tier::Unknown)).empty());
  CHECK(excesses(so_many(400'000), tier(Tier::S1)).empty());
  CHECK(excesses(so_many(800'000), tier(Tier::S1, 2)).empty());
  const auto over = excesses(so_many(800'001), tier(Tier::S1, 2));
  REQUIRE(over.size() == 1);
  CHECK_FALSE(over[0].device);
  CHECK(has(over[0].text,
            "would send 800,001 messages a day (in blocks of 4 KB); tier s1 with 2 units allows "
            "800,000"));
  CHECK(has(over[0].text, "s1 with 3 units"));
  CHECK(has(excesses(so_many(8'001), tier(Tier::Free))[0].text, "blocks of 0.5 KB"));
  CHECK(excesses(so_many(10 * kDay), tier(Tier::IotCentral)).empty());
  const auto fast = excesses(so_many(11 * kDay), tier(Tier::IotCentral));
  REQUIRE(fast.size() == 1);
  CHECK(fast[0].device == 0);
  CHECK(has(fast[0].text, "11 messages a second; IoT Central takes 10 of one device"));
}

TEST_CASE("the table has a line for each device, the sum, and a sentence on the tier") {
  SiteSettings site = modbus_site({{0}});
  const auto silent = spontaneous_site(std::nullopt);
  site.devices.push_back(silent.devices[0]);
  std::string text = quota_text(site, quota_of(site));
  CAPTURE(text);
  CHECK(has(text, "press-07"));
  CHECK(has(text, "86,400"));
  CHECK(has(text, "60 a minute, as it is polled"));
  CHECK(has(text, "scale-2"));
  CHECK(has(text, "not known"));
  CHECK(has(text, "expected_messages_per_minute"));
  CHECK(has(text, "No tier is configured"));
  CHECK(has(text, "The smallest that is enough: s1 with 1 unit"));
  CHECK(has(text, "Not counted: 1 device that may send at any time."));
  site.limits = tier(Tier::S1);
  CHECK(has(quota_text(site, quota_of(site)), "allows 400,000 a day: 22 % is used"));
  site.limits = tier(Tier::IotCentral);
  CHECK(has(quota_text(site, quota_of(site)), "IoT Central has no daily quota"));
  site.limits = tier(Tier::Free);
  CHECK(has(quota_text(site, quota_of(site)), "0.5 KB BLOCKS"));
}
