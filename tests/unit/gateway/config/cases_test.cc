// Whole broken sites with the exact list of problems that `hubward check` shows for them:
// tests/cases/config/<what>/ holds the files and expected.txt. A case without a gateway.json uses
// the shared one. After a wanted change of words, run this test with HUBWARD_WRITE_EXPECTED=1 and
// read the difference.
#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "gateway/config/site.h"
#include "tests/unit/gateway/config/memory_site.h"

using namespace hubward;
using namespace hubward::config;

namespace {

const std::filesystem::path kCases = HUBWARD_SOURCE_DIR "/tests/cases/config";

std::string content(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

MemoryFiles files_of(const std::filesystem::path& folder) {
  MemoryFiles files;
  files.files["site/gateway.json"] = content(kCases / "shared/gateway.json");
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder)) {
    if (!entry.is_regular_file() || entry.path().filename() == "expected.txt") continue;
    files.files["site/" + entry.path().lexically_relative(folder).generic_string()] =
        content(entry.path());
  }
  return files;
}

std::string check_as_text(const MemoryFiles& files) {
  const auto site = load_site("site", files, MemorySecrets());
  std::string out;
  for (const auto& problem : site.problems) {
    out += to_line(problem) + "\n    at \"" + problem.pointer + "\" [" + problem.rule + "]\n";
  }
  return out + (site.settings ? "fine\n" : "refused\n");
}

}  // namespace

TEST_CASE("each broken site gets exactly the expected list of problems") {
  std::size_t cases = 0;
  for (const auto& entry : std::filesystem::directory_iterator(kCases)) {
    const auto& folder = entry.path();
    if (folder.filename() == "shared") continue;
    const std::string name = folder.filename();
    CAPTURE(name);
    const std::string actual = check_as_text(files_of(folder));
    if (std::getenv("HUBWARD_WRITE_EXPECTED") != nullptr) {
      std::ofstream(folder / "expected.txt") << actual;
    }
    CHECK(actual == content(folder / "expected.txt"));
    ++cases;
  }
  CHECK(cases >= 45);
}

TEST_CASE("no problem ever repeats what was written in the place of a secret") {
  const std::string actual = check_as_text(files_of(kCases / "secret-written-into-the-file"));
  CHECK(actual.find("c2Vj") == std::string::npos);
  CHECK(actual.find("4711") == std::string::npos);
}
