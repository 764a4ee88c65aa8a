// A table of any content as a tag list: there are tags or problems, never both and never neither;
// every problem has a line of the file, and no text of one can command a terminal.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "gateway/config/tag_import.h"
#include "proto/json.h"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void check(const std::vector<hubward::config::CsvProblem>& problems, std::size_t lines) {
  for (const auto& problem : problems) {
    require(problem.line >= 1 && problem.line <= lines);
    require(!problem.text.empty());
    for (const char c : problem.text) require(static_cast<unsigned char>(c) >= 0x20);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace hubward::config;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  std::size_t lines = 1;
  for (const char c : text) lines += c == '\n' || c == '\r' ? 1U : 0U;
  for (const bool take_access : {false, true}) {
    TagCsvOptions options;
    options.take_access = take_access;
    const ImportedTags imported = import_tags(text, options);
    require(imported.json.empty() != imported.problems.empty());
    check(imported.problems, lines);
    check(imported.warnings, lines);
    for (const auto& note : imported.notes) {
      for (const char c : note) require(static_cast<unsigned char>(c) >= 0x20);
    }
    if (imported.json.empty()) continue;
    const auto document = hubward::json::parse(imported.json);
    require(document.has_value());
    const auto* tags = hubward::json::find(*document, "tags");
    require(tags != nullptr && tags->IsArray() && tags->Size() == imported.count);
  }
  return 0;
}
