#include <doctest/doctest.h>

#include "gateway/config/site.h"
#include "tests/unit/gateway/config/memory_site.h"

using namespace hubward;
using namespace hubward::config;

namespace {

const std::string kModel = R"({
  "version": 1,
  "model_id": "dtmi:acme:scale;1",
  "attach": {"serial": {"baud": 9600, "parity": "even", "delimiter": "\\r"}},
  "tags": [
    {"name": "weight", "column": 1, "unit": "g", "unit_text": "g"},
    {"name": "status", "column": 2, "type": "text"}
  ]
})";

LoadedSite site_with(const std::string& rest, const std::string& model = kModel,
                     const std::string& where = "site/models/scale.json") {
  MemoryFiles files;
  files.files["site/gateway.json"] =
      R"({"version": 1, "dps": {"id_scope": "0ne1"}, "enrollments": {"plant": {"type": "group"}}})";
  files.files[where] = model;
  files.files["site/devices.d/a.json"] =
      R"({"version": 1, "id": "m-1", "enrollment": "plant", "key": {"credential": "press"},)"
      "\n" +
      rest + "}";
  return load_site("site", files, MemorySecrets());
}

std::string first_line(const LoadedSite& site) {
  return site.problems.empty() ? "" : to_line(site.problems.front());
}

}  // namespace

TEST_CASE("a device takes from its model what it does not say itself") {
  const auto site = site_with(
      R"("model": "scale", "attach": {"serial": {"port": "/dev/ttyS0", "baud": 19200}},
         "tags": [{"name": "weight", "unit_text": "kg"}, {"name": "batch", "column": 3}])");
  CHECK(first_line(site).empty());
  REQUIRE(site.settings);
  const auto& line = site.settings->serial_lines.at(0);
  const auto& port = std::get<SerialSettings>(line.attachment);
  CHECK(port.baud == 19200);
  CHECK(port.parity == Parity::Even);
  CHECK(std::get<serial::Delimited>(line.devices[0].frames.framing).end == "\r");
  const auto& description = site.settings->devices.at(0);
  CHECK(description.model_id == "dtmi:acme:scale;1");
  REQUIRE(description.tags.size() == 3);
  CHECK(description.tags[0].name == "weight");
  CHECK(description.tags[0].unit == "g");
  CHECK(line.devices[0].tags[0].form.unit == "kg");
  CHECK(description.tags[1].name == "status");
  CHECK(description.tags[2].name == "batch");
}

TEST_CASE("a model serves a device that is attached another way, and tags may come from it alone") {
  const auto site = site_with(
      R"("model": "scale", "attach": {"serial_tcp": {"host": "scale.local", "port": 4001}})",
      kModel, "/usr/share/hubward/models/scale.json");
  CHECK(first_line(site).empty());
  REQUIRE(site.settings);
  CHECK(site.settings->devices[0].tags.size() == 2);
  CHECK(std::get<TcpEndpoint>(site.settings->serial_lines.at(0).attachment).port == 4001);
}

TEST_CASE("what is wrong with a model is told at the place that names it") {
  struct Row {
    std::string why;
    std::string model;
    std::string words;
  };
  const std::string rest =
      R"("model": "scale", "attach": {"serial": {"port": "/dev/ttyS0", "baud": 9600}})";
  const Row rows[] = {
      {"no JSON", "{", "the model \"scale\" is no JSON object"},
      {"an id of its own", R"({"id": "x"})", "says \"id\", which each device says for itself"},
      {"a tag that cannot be", R"({"tags": [{"name": "w", "column": 0}]})",
       "\"column\" is the number 0; it should be"},
      {"no tags", R"({"version": 1})", "\"tags\" is missing"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    const auto site = site_with(rest, row.model);
    CHECK(!site.settings);
    CAPTURE(first_line(site));
    CHECK(first_line(site).find(row.words) != std::string::npos);
    if (row.why != "no tags") CHECK(first_line(site).find("a.json:2:10: ") != std::string::npos);
  }
  const auto unknown = site_with(rest, kModel, "site/models/other.json");
  CHECK(first_line(unknown) ==
        "site/devices.d/a.json:2:10: there is no model \"scale\" in site/models or "
        "/usr/share/hubward/models; there is other");
  const auto none = site_with(rest, kModel, "elsewhere/other.json");
  CHECK(first_line(none).find("HUBWARD_MODELS") != std::string::npos);
}

TEST_CASE("a model that holds anything at all never stops the program") {
  for (const std::string model : {"[]", "1", "{\"attach\": 1, \"tags\": 2}",
                                  "{\"attach\": {\"serial\": 1}, \"tags\": [1, {}]}",
                                  "{\"attach\": {}, \"tags\": [{\"name\": 1}]}",
                                  "{\"tags\": [{\"name\": \"weight\"}, []]}"}) {
    CAPTURE(model);
    const auto site =
        site_with(R"("model": "scale", "attach": {"serial": {}}, "tags": [3, {}])", model);
    CHECK(!site.settings);
  }
}
