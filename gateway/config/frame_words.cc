#include "gateway/config/frame_words.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "gateway/config/check.h"
#include "gateway/config/serial_fields.h"
#include "gateway/config/serial_part.h"

namespace hubward::config {
namespace {

tl::unexpected<Error> invalid(std::string why) {
  return failure(ErrorCode::ConfigInvalid, ErrorKind::Permanent, std::move(why));
}

bool is_plain_json(std::string_view key, std::string_view value) {
  // A start mark may be the character 1.
  if (key == "start" || key == "end" || key == "escape") return false;
  if (value == "true" || value == "false") return true;
  const std::string_view digits = value.substr(value.starts_with('-') ? 1 : 0);
  return !digits.empty() && digits.size() < 10 && (digits.size() == 1 || digits.front() != '0') &&
         std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; });
}

// The members of a JSON object. `first` is the key of a word without one at the beginning.
Result<std::string> as_object(std::string_view words, std::string_view first) {
  std::string object = "{";
  while (!words.empty()) {
    const std::size_t comma = std::min(words.find(','), words.size());
    const std::string_view word = words.substr(0, comma);
    words.remove_prefix(std::min(comma + 1, words.size()));
    const std::size_t equals = word.find('=');
    std::string_view key = word.substr(0, std::min(equals, word.size()));
    std::string_view value = equals == std::string_view::npos ? "" : word.substr(equals + 1);
    if (equals == std::string_view::npos && object.size() == 1 && !first.empty()) {
      value = std::exchange(key, first);
    } else if (equals == std::string_view::npos) {
      return invalid(quoted(word) + " is no key=value");
    }
    if (object.size() > 1) object += ", ";
    object += detail::json_text(key) + ": ";
    object += is_plain_json(key, value) ? std::string(value) : detail::json_text(value);
  }
  return object + "}";
}

const Record<SerialProtocolFields>& words_record() {
  static const Record<SerialProtocolFields> record = [] {
    Record<SerialProtocolFields> r("frame_words", "how frames are told apart and checked");
    r.optional("framing", &SerialProtocolFields::framing, framing_codec(), "");
    r.optional("check", &SerialProtocolFields::check, check_codec(), "");
    return r;
  }();
  return record;
}

Status add(std::string& json, const char* before, const std::optional<std::string>& words,
           std::string_view first, const char* behind) {
  if (!words) return {};
  const auto object = as_object(*words, first);
  if (!object) return tl::unexpected(object.error());
  if (json.size() > 1) json += ", ";
  json += before + *object + behind;
  return {};
}

Result<std::string> as_json(const FrameWords& words) {
  if (words.length && words.stuffed)
    return invalid("frames have a length or are stuffed, not both");
  std::string json = "{";
  Status added = add(json, "\"framing\": {\"length\": ", words.length, "", "}");
  if (added) added = add(json, "\"framing\": {\"stuffed\": ", words.stuffed, "", "}");
  if (added) added = add(json, "\"check\": ", words.check, "type", "");
  if (!added) return tl::unexpected(added.error());
  return json + "}";
}

}  // namespace

Status add_frame_words(const FrameWords& words, serial::FrameSettings& frames) {
  const auto json = as_json(words);
  if (!json) return tl::unexpected(json.error());
  const Document document = parse_document(*json);
  if (!document.root) return invalid("this cannot be read: " + *json);
  FileReport report("", *json, &*document.root);
  for (const SyntaxProblem& one : document.problems) {
    report.error_at(one.offset, one.pointer, one.rule, one.text);
  }
  check(*document.root, words_record().shape(), report);
  SerialProtocolFields fields;
  words_record().read(*document.root, fields);
  fields.line_bytes_max = frames.bytes_max;
  serial::FrameSettings said = frame_settings(fields, "", report);
  if (const auto problems = report.take(); !problems.empty()) return invalid(problems.front().text);
  if (fields.framing) frames.framing = std::move(said.framing);
  if (fields.check) frames.check = said.check;
  return {};
}

}  // namespace hubward::config
