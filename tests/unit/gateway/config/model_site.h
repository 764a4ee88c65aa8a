// A site with one device of a ready-made model.
#pragma once

#include <doctest/doctest.h>

#include <string>

#include "gateway/config/site.h"
#include "tests/unit/gateway/config/memory_site.h"

namespace hubward::config {

// `attach`: JSON; `more`: members that follow it, with their comma.
inline SiteSettings site_of(const std::string& model, const std::string& attach,
                            const std::string& more) {
  constexpr std::size_t kBytesMax = 100'000;
  const auto disk = disk_files();
  MemoryFiles site;
  const std::string root = HUBWARD_SOURCE_DIR;
  site.files["site/gateway.json"] =
      disk->read(root + "/deploy/example-site/gateway.json", kBytesMax).value();
  site.files[site.ready_made_models() + "/" + model + ".json"] =
      disk->read(root + "/adapters/models/" + model + ".json", kBytesMax).value();
  site.files["site/devices.d/a.json"] =
      R"({"version": 1, "id": "a", "enrollment": "plant", "key": {"credential": "a"}, "model": ")" +
      model + R"(", "attach": )" + attach + more + "}";
  const auto loaded = load_site("site", site, MemorySecrets());
  for (const auto& problem : loaded.problems) MESSAGE(to_line(problem));
  CHECK(loaded.problems.empty());
  REQUIRE(loaded.settings);
  return *loaded.settings;
}

}  // namespace hubward::config
