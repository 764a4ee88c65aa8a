#include <doctest/doctest.h>

#include "gateway/config/site.h"
#include "tests/unit/gateway/config/memory_site.h"

using namespace hubward;
using namespace hubward::config;

namespace {

MemoryFiles site_files(const std::string& rule, const std::string& topic = "p/{device}/t") {
  MemoryFiles files;
  files.files["site/gateway.json"] =
      R"({"version": 1, "dps": {"id_scope": "0ne1"}, "broker": {},
"enrollments": {"plant": {"type": "group", "key": {"file": "k"}}, "bare": {"type": "group"},
                "single": {"type": "individual"}},
"onboarding": {"radio": )" +
      rule + "}}";
  files.files["site/models/probe.json"] =
      R"({"version": 1, "model_id": "dtmi:acme:probe;1", "attach": {"mqtt": {"topic": ")" + topic +
      R"("}}, "tags": [{"name": "v", "pointer": "/v"}]})";
  files.files["site/models/scale.json"] =
      R"({"version": 1, "attach": {"serial": {}}, "tags": [{"name": "w", "column": 1}]})";
  return files;
}

std::string first_error(const LoadedSite& site) {
  for (const Problem& problem : site.problems) {
    if (problem.severity == Problem::Severity::Error) return to_line(problem);
  }
  return "";
}

}  // namespace

TEST_CASE("a rule for new devices knows what they look like, and no device file is needed") {
  const auto site = load_site(
      "site", site_files(R"({"model": "probe", "enrollment": "plant", "approve_names": ["a-*"]})"),
      MemorySecrets());
  CHECK(first_error(site).empty());
  REQUIRE(site.settings);
  for (const Problem& problem : site.problems) CHECK(problem.rule != "no-devices");
  REQUIRE(site.settings->onboarding.size() == 1);
  const OnboardingRule& rule = site.settings->onboarding[0];
  CHECK(rule.name == "radio");
  CHECK(rule.approve == OnboardingRule::Approve::ByHand);
  CHECK(rule.kind.topic_template == "p/{device}/t");
  CHECK(rule.kind.tags.size() == 1);
}

TEST_CASE("a rule whose devices would not be right is refused where it stands") {
  struct Row {
    const char* rule;
    const char* topic;
    const char* says;
  };
  const Row rows[] = {
      {R"({"model": "none", "enrollment": "plant"})", "p/{device}/t", "no model \"none\""},
      {R"({"model": "probe", "enrollment": "other"})", "p/{device}/t", "no enrollment \"other\""},
      {R"({"model": "probe", "enrollment": "bare"})", "p/{device}/t", "\"bare\" has none"},
      {R"({"model": "probe", "enrollment": "single"})", "p/{device}/t", "\"single\" has none"},
      {R"({"model": "probe", "enrollment": "plant"})", "p/t", "no {device}"},
      {R"({"model": "probe", "enrollment": "plant"})", "p/#/t", "no valid topic"},
      {R"({"model": "scale", "enrollment": "plant"})", "p/{device}/t", "\"pointer\" is missing"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.rule);
    CAPTURE(row.topic);
    const auto site = load_site("site", site_files(row.rule, row.topic), MemorySecrets());
    const std::string error = first_error(site);
    CAPTURE(error);
    CHECK(error.starts_with("site/gateway.json:4:"));
    const bool says = error.find(row.says) != std::string::npos ||
                      error.find("a new device would not be right") != std::string::npos;
    CHECK(says);
    CHECK_FALSE(site.settings);
  }
}

TEST_CASE("a rule whose topic another rule has already is told that it hears nobody") {
  const std::string rule = R"({"model": "probe", "enrollment": "plant"})";
  const auto site = load_site("site", site_files(rule + R"(, "later": )" + rule), MemorySecrets());
  REQUIRE(site.settings);
  CHECK(site.settings->onboarding.size() == 2);
  std::vector<std::string> told;
  for (const Problem& problem : site.problems) {
    if (problem.rule == "onboarding") told.push_back(problem.text);
  }
  REQUIRE(told.size() == 1);
  CHECK(told[0].starts_with("rule \"later\" has the same topic"));
}

TEST_CASE("a new device's file says who it is, and is read like any other") {
  MemoryFiles files = site_files(R"({"model": "probe", "enrollment": "plant"})");
  const auto site = load_site("site", files, MemorySecrets());
  REQUIRE(site.settings);
  const OnboardingRule& rule = site.settings->onboarding[0];
  const std::string text = new_device_text(rule, "probe-7", "Probe \"7\"");
  CHECK(text.find("\"device\": \"Probe \\\"7\\\"\"") != std::string::npos);
  CHECK(new_device_text(rule, "p", "p").find("\"device\"") == std::string::npos);

  const auto added = load_new_device("site", "probe-7.json", text, files, MemorySecrets());
  REQUIRE(added);
  CHECK(added->description.id == "probe-7");
  CHECK(added->description.model_id == "dtmi:acme:probe;1");
  CHECK(added->credential.kind == DeviceCredential::Kind::GroupKey);
  CHECK(added->mqtt.device_name == "Probe \"7\"");
  CHECK(added->mqtt.topic_template == rule.kind.topic_template);

  files.files["site/devices.d/probe-7.json"] = text;
  const auto again = load_site("site", files, MemorySecrets());
  CHECK(first_error(again).empty());
  REQUIRE(again.settings);
  CHECK(again.settings->mqtt_devices.at(0).device_name == "Probe \"7\"");

  // The gateway would not start with two of one id, or of one topic, in two files.
  for (const std::string& other :
       {new_device_text(rule, "probe-7", "other"), new_device_text(rule, "other", "Probe \"7\"")}) {
    for (const char* name : {"a.json", "z.json"}) {
      const auto twice = load_new_device("site", name, other, files, MemorySecrets());
      REQUIRE_FALSE(twice);
      CHECK(twice.error().context.find("probe-7") != std::string::npos);
      CHECK(twice.error().kind == ErrorKind::Permanent);  // nobody else's failure
    }
  }

  CHECK_FALSE(load_new_device("site", "x.json", new_device_text(rule, "No id", "x"), files,
                              MemorySecrets()));
  files.files["site/gateway.json"] = "{";
  const auto broken = load_new_device("site", "probe-7.json", text, files, MemorySecrets());
  REQUIRE_FALSE(broken);
  CHECK(broken.error().kind == ErrorKind::Transient);  // everybody's
}
