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

}  // namespace

Result<PayloadExtractor> PayloadExtractor::make(const DeviceSettings& device) {
  PayloadExtractor made;
  for (const TagSettings& tag : device.tags) {
    auto place = JsonPlace::parse(tag.pointer);
    if (!place) return tl::unexpected(place.error());
    made.tags_.push_back({tag.tag, std::move(*place)});
  }
  Status read;
  const auto set = [&read](std::optional<JsonPlace>& place, const std::string& pointer) {
    auto parsed = JsonPlace::parse(pointer);
    if (parsed) {
      place = std::move(*parsed);
    } else {
      read = tl::unexpected(parsed.error());
    }
  };
  if (device.each) set(made.each_, *device.each);
  if (device.time) {
    set(made.time_, device.time->pointer);
    made.time_format_ = device.time->format;
  }
  if (device.quality) {
    set(made.quality_, device.quality->pointer);
    made.good_ = device.quality->good;
  }
  if (!read) return tl::unexpected(read.error());
  return made;
}

Result<std::vector<Sample>> PayloadExtractor::extract(std::string_view payload) const {
  const auto refuse = [](ErrorCode code, std::string why) {
    return failure(code, ErrorKind::Corrupt, std::move(why));
  };
  const auto document = json::parse(payload, kLimits);
  if (!document) {
    const bool too_long = payload.size() > kLimits.bytes_max;
    return refuse(too_long ? ErrorCode::InputTooLong : ErrorCode::BadPayload,
                  document.error().context);
  }
  std::vector<Sample> samples;
  const auto take = [&](const json::Value& root) {
    Sample sample = sample_of(root);
    if (!sample.readings.empty()) samples.push_back(std::move(sample));
  };
  if (!each_) {
    take(*document);
  } else if (const json::Value* all = each_->in(*document)) {
    const bool is_array = all->IsArray();
    if (!is_array && !all->IsObject()) {
      return refuse(ErrorCode::BadPayload, "\"each\" leads to neither an array nor an object");
    }
    if ((is_array ? all->Size() : all->MemberCount()) > kSamplesMax) {
      return refuse(ErrorCode::InputTooLong, "more than 1000 samples in one message");
    }
    if (is_array) {
      for (const json::Value& one : all->GetArray()) take(one);
    } else {
      for (const auto& one : all->GetObject()) take(one.value);
    }
  }
  if (samples.empty()) {
    return refuse(ErrorCode::BadPayload, "none of the device's tags is in it");
  }
  return samples;
}

Sample PayloadExtractor::sample_of(const json::Value& root) const {
  Sample sample{time_of(root), {}};
  const bool good = is_good(root);
  for (const TagPlace& one : tags_) {
    const json::Value* const found = one.place.in(root);
    if (found == nullptr) continue;
    if (auto value = good ? value_of(*found) : std::nullopt) {
      sample.readings.push_back({.tag = one.tag, .value = std::move(*value)});
    } else {
      sample.readings.push_back(
          {.tag = one.tag, .value = false, .quality = Quality::Bad, .code = ErrorCode::BadValue});
    }
  }
  return sample;
}

std::optional<WallTime> PayloadExtractor::time_of(const json::Value& root) const {
  const json::Value* const found = time_ ? time_->in(root) : nullptr;
  std::optional<WallTime> at;
  if (time_format_ == TimeFormat::Iso8601) {
    if (const auto text = json::as_string(found)) at = parse_iso8601(*text);
  } else if (const auto number = json::as_double(found)) {
    const double ms = *number * milliseconds_per_unit(time_format_);
    if (std::abs(ms) < 1e15) at = WallTime{milliseconds{std::llround(ms)}};
  }
  if (at && (*at < kEarliest || *at >= kLatest)) at.reset();
  return at;
}

bool PayloadExtractor::is_good(const json::Value& root) const {
  if (!quality_) return true;
  const json::Value* const found = quality_->in(root);
  return found != nullptr && std::find(good_.begin(), good_.end(), text_of(*found)) != good_.end();
}

}  // namespace hubward::mqtt
