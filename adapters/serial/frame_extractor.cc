#include "adapters/serial/frame_extractor.h"

#include <rapidjson/pointer.h>

#include <algorithm>
#include <set>
#include <string>

#include "proto/json.h"

namespace hubward::serial {
namespace {

constexpr json::Limits kJsonLimits{.bytes_max = 65536, .depth_max = 16};

TagReading bad(TagIndex tag) {
  return {.tag = tag, .value = false, .quality = Quality::Bad, .code = ErrorCode::BadValue};
}

// From text, a binary number or a JSON member.
template <class Found>
TagReading reading_of(const TagSettings& tag, const Found& found) {
  const extract::ValueForm form{tag.type, tag.scale, tag.offset, tag.form};
  auto value = extract::value_of(found, form);
  return value ? TagReading{.tag = tag.tag, .value = std::move(*value)} : bad(tag.tag);
}

tl::unexpected<Error> bad_config(std::string why) {
  return failure(ErrorCode::ConfigInvalid, ErrorKind::Permanent, std::move(why));
}

tl::unexpected<Error> not_understood(std::string why) {
  return failure(ErrorCode::BadPayload, ErrorKind::Corrupt, std::move(why));
}

}  // namespace

struct FrameExtractor::Field {
  TagSettings settings;
  std::optional<LinePattern> when;
  std::uint32_t group = 0;                      // PatternGroup
  std::optional<rapidjson::Pointer> pointer{};  // JsonMember
};

// Splits, matches and parses a frame once, and only as its tags ask for it.
class FrameExtractor::Look {
 public:
  Look(FrameExtractor& by, std::string_view content) : by_(by), content_(content) {}

  // Nothing: the tag has no value in this frame. `why_not()` says the first reason.
  std::optional<TagReading> read(Field& field) {
    return std::visit([&](const auto& where) { return read(field, where); }, field.settings.where);
  }
  [[nodiscard]] const std::optional<Error>& why_not() const { return why_not_; }
  void note(Error why) {
    if (!why_not_) why_not_ = std::move(why);
  }
  // The columns, or nullptr if the content is not made of any.
  const std::vector<std::string>* columns() {
    if (!columns_) columns_ = extract::split_csv(content_, by_.csv_);
    if (*columns_) return &**columns_;
    note(columns_->error());
    return nullptr;
  }

 private:
  std::optional<TagReading> read(Field& field, const PatternGroup&) {
    if (!matched_) matched_ = by_.pattern_->match(content_);
    if (!*matched_) note(matched_->error());
    if (!*matched_ || !**matched_) return std::nullopt;
    const auto text = by_.pattern_->captured(field.group);
    if (!text) return std::nullopt;
    return reading_of(field.settings, *text);
  }

  std::optional<TagReading> read(Field& field, const CsvColumn& where) {
    const auto* all = columns();
    if (all == nullptr) return std::nullopt;
    std::size_t first = where.number - 1;
    if (where.number == 0) {
      const auto named = by_.header_.find(where.name);
      if (named == by_.header_.end()) {
        note(not_understood("no header line has come yet").value());
        return std::nullopt;
      }
      first = named->second;
    }
    const auto text = extract::text_at(*all, first, where, by_.csv_.separator);
    return text ? reading_of(field.settings, std::string_view(*text)) : bad(field.settings.tag);
  }

  std::optional<TagReading> read(Field& field, const FixedColumns& where) {
    const auto text = extract::text_at(content_, where);
    return text ? reading_of(field.settings, *text) : bad(field.settings.tag);
  }

  std::optional<TagReading> read(Field& field, const JsonMember&) {
    if (!document_) document_ = json::parse(content_, kJsonLimits);
    if (!*document_) {
      note(not_understood(document_->error().context).value());
      return std::nullopt;
    }
    const json::Value* value = field.pointer->Get(**document_);
    if (value == nullptr) return std::nullopt;
    return reading_of(field.settings, *value);
  }

  std::optional<TagReading> read(Field&, const OnlyWritten&) { return std::nullopt; }

  std::optional<TagReading> read(Field& field, const BinaryField& where) {
    const auto number = extract::read_binary(where, content_);
    return number ? reading_of(field.settings, *number) : bad(field.settings.tag);
  }

  FrameExtractor& by_;
  std::string_view content_;
  std::optional<Result<bool>> matched_;
  std::optional<Result<std::vector<std::string>>> columns_;
  std::optional<Result<json::Document>> document_;
  std::optional<Error> why_not_;
};

FrameExtractor::FrameExtractor() = default;
FrameExtractor::FrameExtractor(FrameExtractor&& other) noexcept = default;
FrameExtractor::~FrameExtractor() = default;

Result<FrameExtractor> FrameExtractor::make(const DeviceSettings& settings) {
  FrameExtractor extractor;
  extractor.csv_ = settings.csv;
  if (!settings.pattern.empty()) {
    auto pattern = LinePattern::compile(settings.pattern);
    if (!pattern) return tl::unexpected(pattern.error());
    extractor.pattern_.emplace(std::move(*pattern));
  }
  if (!settings.ignore.empty()) {
    auto ignore = LinePattern::compile(settings.ignore);
    if (!ignore) return tl::unexpected(ignore.error());
    extractor.ignore_.emplace(std::move(*ignore));
  }
  std::set<std::string> names;
  for (const TagSettings& tag : settings.tags) {
    Field field{tag, std::nullopt};
    if (!tag.when.empty()) {
      auto when = LinePattern::compile(tag.when, LinePattern::Covers::Beginning);
      if (!when) return tl::unexpected(when.error());
      field.when.emplace(std::move(*when));
    }
    if (const auto* group = std::get_if<PatternGroup>(&tag.where)) {
      if (!extractor.pattern_) return bad_config("the pattern is empty");
      const auto number = extractor.pattern_->group(group->name);
      if (!number) return bad_config("the pattern has no group (?<" + group->name + ">...)");
      field.group = *number;
    } else if (const auto* member = std::get_if<JsonMember>(&tag.where)) {
      const auto& pointer = field.pointer.emplace(member->pointer.data(), member->pointer.size());
      // RapidJSON also takes the form that begins with '#', which is for URIs.
      if (!pointer.IsValid() || member->pointer.starts_with('#')) {
        return bad_config("\"" + member->pointer + "\" is no JSON Pointer");
      }
    } else if (const auto* column = std::get_if<CsvColumn>(&tag.where)) {
      if (column->number == 0) names.insert(column->name);
    }
    extractor.fields_.push_back(std::move(field));
  }
  extractor.names_.assign(names.begin(), names.end());
  return extractor;
}

Result<std::vector<TagReading>> FrameExtractor::extract(std::string_view content,
                                                        std::optional<std::size_t> request) {
  Look look(*this, content);
  if (!names_.empty()) {
    std::map<std::string, std::size_t> places;
    if (const auto* columns = look.columns()) {
      for (std::size_t i = 0; i < columns->size(); ++i) {
        places.emplace(extract::printable_text((*columns)[i]), i);
      }
    }
    const bool is_header = std::all_of(names_.begin(), names_.end(), [&](const std::string& name) {
      return places.contains(name);
    });
    if (is_header) {
      header_ = std::move(places);
      return std::vector<TagReading>{};
    }
  }
  std::vector<TagReading> readings;
  for (Field& field : fields_) {
    if (field.settings.request && field.settings.request != request) continue;
    if (field.when) {
      const auto applies = field.when->match(content);
      if (!applies) look.note(applies.error());
      if (!applies || !*applies) continue;
    }
    if (auto reading = look.read(field)) readings.push_back(std::move(*reading));
  }
  if (!readings.empty()) return readings;
  if (ignore_) {
    const auto ignored = ignore_->match(content);
    if (ignored && *ignored) return readings;
  }
  if (look.why_not()) return tl::unexpected(*look.why_not());
  return not_understood("no tag has a value in it");
}

}  // namespace hubward::serial
