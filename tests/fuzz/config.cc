// A configuration file of any content, taken as gateway.json, as a device's file and as its model:
// there is either a usable site or an error; every problem has a place inside the file, and no text
// of a problem can command a terminal.
#include <cstdint>
#include <cstdlib>

#include "gateway/config/document.h"
#include "gateway/config/site.h"
#include "tests/unit/gateway/config/memory_site.h"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void check_problems(const hubward::config::LoadedSite& site, std::size_t lines) {
  require(site.settings.has_value() != hubward::config::has_errors(site.problems));
  for (const auto& problem : site.problems) {
    require(!problem.text.empty() && !problem.rule.empty());
    require(problem.position.line <= lines);
    for (const char c : problem.text) require(static_cast<unsigned char>(c) >= 0x20);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hubward::config;
  const std::string text(reinterpret_cast<const char*>(data), size);
  std::size_t lines = 20;  // of the fixed file
  for (const char c : text) lines += c == '\n' ? 1U : 0U;
  const std::string gateway =
      R"({"version": 1, "dps": {"id_scope": "0ne1"}, "enrollments": {"plant": {"type": "group"}},
          "broker": {}})";
  MemoryFiles files;
  files.files["site/gateway.json"] = gateway;
  files.files["site/devices.d/a.json"] = text;
  files.files["site/devices.d/b.json"] = text;
  check_problems(load_site("site", files, MemorySecrets()), lines);
  files.files.erase("site/devices.d/b.json");
  check_problems(load_site("site", files, MemorySecrets()), lines);
  files.files["site/models/m.json"] = text;
  files.files["site/devices.d/a.json"] =
      R"({"version": 1, "id": "m-1", "enrollment": "plant", "key": {"credential": "press"}, "model": "m",
          "attach": {"serial": {"port": "/dev/ttyS0"}}, "tags": [{"name": "weight"}]})";
  check_problems(load_site("site", files, MemorySecrets()), lines);
  files.files["site/devices.d/a.json"] = text;
  files.files["site/gateway.json"] = text;
  check_problems(load_site("site", files, MemorySecrets()), lines);
  return 0;
}
