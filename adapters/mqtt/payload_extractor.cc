#include "adapters/mqtt/payload_extractor.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

#include "proto/iso_time.h"

namespace hubward::mqtt {
namespace {

using std::chrono::milliseconds;

// A sensor's clock that was never set shows the year its maker chose. What is outside of these
// years is none of its samples' times.
constexpr WallTime kEarliest{std::chrono::sys_days{std::chrono::year{2000} / 1 / 1}};
constexpr WallTime kLatest{std::chrono::sys_days{std::chrono::year{2100} / 1 / 1}};

double milliseconds_per_unit(TimeFormat format) {
  switch (format) {
    case TimeFormat::UnixSeconds:
      return 1000;
    case TimeFormat::UnixMicroseconds:
      return 0.001;
    default:
      return 1;
  }
}

tl::unexpected<Error> refuse(ErrorCode code, std::string why) {
  return failure(code, ErrorKind::Corrupt, std::move(why));
}

tl::unexpected<Error> too_many() {
  return refuse(ErrorCode::InputTooLong, "more than 1000 samples in one message");
}

// Why a value is bad, for a technician.
constexpr const char* kNotGood = "the message itself says that it is not good";

std::string came(const Found& found) {
  constexpr std::size_t kShownMax = 60;
  const std::string text = text_of(found);
  return "came: " + text.substr(0, kShownMax) + (text.size() > kShownMax ? "..." : "");
}

// Without what ends it.
std::string_view take_line(std::string_view& rest) {
  const std::size_t end = std::min(rest.find('\n'), rest.size());
  std::string_view line = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

}  // namespace

// The samples of one message, as they are found.
class PayloadExtractor::Samples {
 public:
  Samples(const PayloadExtractor& by, const TopicNames& topic) : by_(by), topic_(topic) {}

  void take(const SampleSource& source) {
    // What has no name says of no tag and no component that it is theirs: it would be everybody's.
    if (by_.each_name_ != DeviceSettings::EachName::Nothing && source.name.empty()) return;
    TopicNames names = topic_;
    if (by_.each_name_ == DeviceSettings::EachName::Tag) names.tag = source.name;
    if (by_.each_name_ == DeviceSettings::EachName::Component) names.component = source.name;
    Sample sample{by_.time_of(source), {}};
    const bool is_good = by_.is_good(source);
    for (const Tag& tag : by_.tags_) {
      if (!names.tag.empty() && names.tag != tag.settings.named) continue;
      if (!names.component.empty() && names.component != tag.settings.component_named) continue;
      const Found found = tag.place.in(source);
      if (std::holds_alternative<Nothing>(found)) continue;
      if (auto value = is_good ? value_of(found, tag.settings.form) : std::nullopt) {
        sample.readings.push_back({.tag = tag.settings.tag, .value = std::move(*value)});
      } else {
        sample.readings.push_back({.tag = tag.settings.tag,
                                   .value = false,
                                   .quality = Quality::Bad,
                                   .code = ErrorCode::BadValue,
                                   .detail = is_good ? came(found) : std::string(kNotGood)});
      }
    }
    if (!sample.readings.empty()) found_.push_back(std::move(sample));
  }

  [[nodiscard]] std::vector<Sample>& found() { return found_; }

 private:
  const PayloadExtractor& by_;
  const TopicNames topic_;
  std::vector<Sample> found_;
};

Result<PayloadExtractor> PayloadExtractor::make(const DeviceSettings& device) {
  PayloadExtractor made;
  made.form_ = device.payload;
  made.each_name_ = device.each_name;
  made.csv_ = device.csv;
  made.record_bytes_ = device.record_bytes;
  Status read;
  const auto place_of = [&](const Place& where) -> std::optional<SamplePlace> {
    auto place = SamplePlace::make(where);
    if (!place) {
      read = tl::unexpected(place.error());
      return std::nullopt;
    }
    if (const std::string* name = place->column_name()) made.column_names_.push_back(*name);
    return std::move(*place);
  };
  for (const TagSettings& tag : device.tags) {
    if (auto place = place_of(tag.where)) made.tags_.push_back({tag, std::move(*place)});
  }
  if (device.each) {
    auto members = JsonMembers::parse(*device.each);
    if (!members) return tl::unexpected(members.error());
    made.each_ = std::move(*members);
  }
  if (device.time) {
    made.time_ = place_of(device.time->where);
    made.time_format_ = device.time->format;
  }
  if (device.quality) {
    made.quality_ = place_of(device.quality->where);
    made.good_ = device.quality->good;
  }
  if (!read) return tl::unexpected(read.error());
  return made;
}

Result<std::vector<Sample>> PayloadExtractor::extract(std::string_view payload,
                                                      const TopicNames& topic) const {
  if (payload.size() > kLimits.bytes_max) {
    return refuse(ErrorCode::InputTooLong, "the message is longer than 256 KB");
  }
  Samples samples(*this, topic);
  Status taken;
  switch (form_) {
    case PayloadForm::Json:
      taken = take_json(payload, samples);
      break;
    case PayloadForm::Text:
      // An empty message is how a retained one is removed.
      if (payload.empty()) return refuse(ErrorCode::BadPayload, "the message is empty");
      samples.take({.bytes = payload});
      break;
    case PayloadForm::Csv:
      taken = take_csv(payload, samples);
      break;
    case PayloadForm::Binary:
      taken = take_records(payload, samples);
      break;
  }
  if (!taken) return tl::unexpected(taken.error());
  if (samples.found().empty()) {
    return refuse(ErrorCode::BadPayload, "none of the device's tags is in it");
  }
  return std::move(samples.found());
}

Status PayloadExtractor::take_json(std::string_view payload, Samples& samples) const {
  const auto document = json::parse(payload, kLimits);
  if (!document) return refuse(ErrorCode::BadPayload, document.error().context);
  if (!each_) {
    samples.take({.root = &*document});
    return {};
  }
  const auto members = each_->in(*document, kSamplesMax);
  if (!members) return tl::unexpected(members.error());
  for (const JsonMembers::Member& one : *members) {
    samples.take({.root = one.value, .name = one.name});
  }
  return {};
}

// A line that is cut or broken makes the whole message bad: what is missing of it nobody knows.
Status PayloadExtractor::take_csv(std::string_view payload, Samples& samples) const {
  std::optional<CsvHeader> header;
  std::size_t lines = 0;
  while (!payload.empty()) {
    const std::string_view line = take_line(payload);
    if (line.empty()) continue;
    const auto columns = extract::split_csv(line, csv_);
    if (!columns) return refuse(ErrorCode::BadPayload, columns.error().context);
    if (!column_names_.empty()) {
      CsvHeader places;
      for (std::size_t i = 0; i < columns->size(); ++i) {
        places.emplace(extract::printable_text((*columns)[i]), i);
      }
      const bool is_header =
          std::all_of(column_names_.begin(), column_names_.end(),
                      [&](const std::string& name) { return places.contains(name); });
      if (is_header) {
        header = std::move(places);
        continue;
      }
      if (!header) {
        return refuse(ErrorCode::BadPayload, "no line with the columns' names stands in front");
      }
    }
    if (++lines > kSamplesMax) return too_many();
    samples.take(
        {.columns = &*columns, .header = header ? &*header : nullptr, .separator = csv_.separator});
  }
  return {};
}

Status PayloadExtractor::take_records(std::string_view payload, Samples& samples) const {
  const std::size_t length = record_bytes_ == 0 ? payload.size() : record_bytes_;
  if (length == 0 || payload.size() % length != 0) {
    return refuse(ErrorCode::BadPayload,
                  std::to_string(payload.size()) + " bytes are no whole number of records");
  }
  if (payload.size() / length > kSamplesMax) return too_many();
  for (; !payload.empty(); payload.remove_prefix(length)) {
    samples.take({.bytes = payload.substr(0, length)});
  }
  return {};
}

std::optional<WallTime> PayloadExtractor::time_of(const SampleSource& source) const {
  if (!time_) return std::nullopt;
  const Found found = time_->in(source);
  std::optional<WallTime> at;
  if (time_format_ == TimeFormat::Iso8601) {
    const auto* member = std::get_if<const json::Value*>(&found);
    const bool is_text = member == nullptr || (*member)->IsString();
    if (is_text) at = parse_iso8601(text_of(found));
  } else if (const auto number = number_of(found)) {
    const double ms = *number * milliseconds_per_unit(time_format_);
    if (std::abs(ms) < 1e15) at = WallTime{milliseconds{std::llround(ms)}};
  }
  if (at && (*at < kEarliest || *at >= kLatest)) at.reset();
  return at;
}

bool PayloadExtractor::is_good(const SampleSource& source) const {
  if (!quality_) return true;
  const Found found = quality_->in(source);
  if (std::holds_alternative<Nothing>(found) || std::holds_alternative<Unusable>(found)) {
    return false;
  }
  return std::find(good_.begin(), good_.end(), text_of(found)) != good_.end();
}

}  // namespace hubward::mqtt
