#include "adapters/serial/line_extractor.h"

#include <cmath>
#include <string>

#include "proto/serial/field.h"

namespace hubward::serial {
namespace {

TagReading bad(TagIndex tag) {
  return {.tag = tag, .value = false, .quality = Quality::Bad, .code = ErrorCode::BadValue};
}

TagReading read(const TagSettings& tag, std::string_view text) {
  switch (tag.type) {
    case TagSettings::Type::Text:
      return {.tag = tag.tag, .value = printable_text(text)};
    case TagSettings::Type::Integer: {
      const auto number = parse_integer(text);
      return number ? TagReading{.tag = tag.tag, .value = *number} : bad(tag.tag);
    }
    case TagSettings::Type::Number:
      break;
  }
  const auto number = parse_number(text);
  if (!number) return bad(tag.tag);
  const double value = *number * tag.scale + tag.offset;
  return std::isfinite(value) ? TagReading{.tag = tag.tag, .value = value} : bad(tag.tag);
}

}  // namespace

Result<LineExtractor> LineExtractor::make(const DeviceSettings& settings) {
  auto pattern = LinePattern::compile(settings.pattern);
  if (!pattern) return tl::unexpected(pattern.error());
  std::vector<Field> fields;
  for (const TagSettings& tag : settings.tags) {
    const auto group = pattern->group(tag.group);
    if (!group) {
      return failure(ErrorCode::ConfigInvalid, ErrorKind::Permanent,
                     "the pattern has no group (?<" + tag.group + ">...)");
    }
    fields.push_back({tag, *group});
  }
  return LineExtractor(std::move(*pattern), std::move(fields));
}

Result<std::vector<TagReading>> LineExtractor::extract(std::string_view line) {
  const auto matched = pattern_.match(line);
  if (!matched) return tl::unexpected(matched.error());
  if (!*matched) {
    return failure(ErrorCode::BadPayload, ErrorKind::Corrupt,
                   "the line does not match the pattern");
  }
  std::vector<TagReading> readings;
  for (const Field& field : fields_) {
    if (const auto text = pattern_.captured(field.group)) {
      readings.push_back(read(field.settings, *text));
    }
  }
  if (readings.empty()) {
    return failure(ErrorCode::BadPayload, ErrorKind::Corrupt, "no group of a tag took part");
  }
  return readings;
}

}  // namespace hubward::serial
