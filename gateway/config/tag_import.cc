#include "gateway/config/tag_import.h"

#include <algorithm>
#include <charconv>

#include "gateway/config/site.h"

namespace hubward::config {
namespace {

constexpr const char* kGatewayPath = "site/gateway.json";
constexpr const char* kDevicePath = "site/devices.d/imported.json";

// A site of one device with these tags, so that they are checked as they will be in the end.
class OneDevice final : public FileSource {
 public:
  explicit OneDevice(std::string device) : device_(std::move(device)) {}

  Result<std::string> read(const std::string& path, std::size_t) const override {
    if (path == kDevicePath) return device_;
    if (path == kGatewayPath) {
      return std::string(
          R"({"version": 1, "dps": {"id_scope": "0ne0"}, "enrollments": {"e": {"type": "group"}}})");
    }
    return failure(ErrorCode::ConfigInvalid, ErrorKind::Permanent, "not there");
  }
  Result<std::vector<std::string>> list(const std::string& folder) const override {
    using Names = std::vector<std::string>;
    return folder.ends_with("devices.d") ? Names{"imported.json"} : Names{};
  }
  [[nodiscard]] bool readable(const std::string&) const override { return true; }

 private:
  std::string device_;
};

class AnyKey final : public SecretSource {
 public:
  Result<SecretText> load(const SecretReference&) const override {
    return SecretText(std::string("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="));
  }
};

std::string list_of_tags(const std::vector<TagRow>& tags) {
  std::string list = "[";
  for (std::size_t i = 0; i < tags.size(); ++i) list += (i == 0 ? "\n  " : ",\n  ") + tags[i].json;
  return list + "\n]";
}

// "/tags/3/type": the tag's place and the key; nothing for what is no tag's.
struct TagPointer {
  std::size_t tag = 0;
  std::string key;
};
std::optional<TagPointer> tag_pointer(std::string_view pointer) {
  constexpr std::string_view kTags = "/tags/";
  if (!pointer.starts_with(kTags)) return std::nullopt;
  pointer.remove_prefix(kTags.size());
  TagPointer found;
  const auto [end, error] =
      std::from_chars(pointer.data(), pointer.data() + pointer.size(), found.tag);
  if (error != std::errc{}) return std::nullopt;
  pointer.remove_prefix(static_cast<std::size_t>(end - pointer.data()));
  if (!pointer.empty()) found.key = pointer.substr(1);
  return found;
}

// "item 3 of "tags"" is nothing that a table has.
std::string in_words_of_rows(std::string text, std::size_t tag) {
  const std::string item = "item " + std::to_string(tag + 1) + " of \"tags\"";
  if (const auto at = text.find(item); at != std::string::npos) {
    text.replace(at, item.size(), "this row");
  }
  return text;
}

}  // namespace

ImportedTags import_tags(std::string_view csv, const TagCsvOptions& options) {
  TagCsv table = read_tag_csv(csv, options);
  ImportedTags out;
  out.problems = std::move(table.problems);
  out.notes = std::move(table.notes);
  if (table.tags.empty()) {
    if (out.problems.empty()) out.problems.push_back({1, "there is no tag in it"});
    return out;
  }
  const std::string tags = list_of_tags(table.tags);
  const std::string attach = table.is_for_line ? R"({"modbus_rtu": {"port": "p", "baud": 9600}})"
                                               : R"({"modbus_tcp": {"host": "h"}})";
  const OneDevice files(
      R"({"version": 1, "id": "imported", "enrollment": "e", "key": {"file": "k"}, "attach": )" +
      attach + R"(, "tags": )" + tags + "}");
  for (const Problem& problem : load_site("site", files, AnyKey()).problems) {
    const auto pointer = tag_pointer(problem.pointer);
    if (!pointer || pointer->tag >= table.tags.size()) continue;
    const bool warning = problem.severity == Problem::Severity::Warning;
    (warning ? out.warnings : out.problems)
        .push_back({table.tags[pointer->tag].line, in_words_of_rows(problem.text, pointer->tag)});
  }
  std::ranges::stable_sort(out.problems, {}, &CsvProblem::line);
  std::ranges::stable_sort(out.warnings, {}, &CsvProblem::line);
  if (!out.problems.empty()) return out;
  out.json = "{\"tags\": " + tags + "}\n";
  out.count = table.tags.size();
  return out;
}

}  // namespace hubward::config
