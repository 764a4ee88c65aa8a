// Loads an adapter's sample.json as the only device of the example site.
#pragma once

#include <doctest/doctest.h>

#include <string>

#include "gateway/config/site.h"
#include "tests/unit/gateway/config/memory_site.h"

namespace hubward::test {

// `root`: the top of the source tree; `sample`: from there, e.g. "adapters/serial/sample.json".
inline config::SiteSettings load_sample(const std::string& root, const std::string& sample) {
  constexpr std::size_t kBytesMax = 100'000;
  const auto disk = config::disk_files();
  config::MemoryFiles site;
  site.files["site/gateway.json"] =
      disk->read(root + "/deploy/example-site/gateway.json", kBytesMax).value();
  site.files["site/devices.d/sample.json"] = disk->read(root + "/" + sample, kBytesMax).value();
  const auto loaded = config::load_site("site", site, config::MemorySecrets());
  for (const auto& problem : loaded.problems) MESSAGE(config::to_line(problem));
  CHECK(loaded.problems.empty());
  REQUIRE(loaded.settings);
  return *loaded.settings;
}

}  // namespace hubward::test
