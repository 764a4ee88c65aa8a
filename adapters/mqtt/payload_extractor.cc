#include "adapters/mqtt/payload_extractor.h"

#include <string>
#include <utility>

namespace hubward::mqtt {
namespace {

TagReading read(TagIndex tag, const json::Value& value) {
  if (value.IsBool()) return {.tag = tag, .value = value.GetBool()};
  if (value.IsInt64()) return {.tag = tag, .value = std::int64_t{value.GetInt64()}};
  if (value.IsUint64()) return {.tag = tag, .value = std::uint64_t{value.GetUint64()}};
  if (value.IsDouble()) return {.tag = tag, .value = value.GetDouble()};
  if (value.IsString()) {
    return {.tag = tag, .value = std::string(value.GetString(), value.GetStringLength())};
  }
  return {.tag = tag, .value = false, .quality = Quality::Bad, .code = ErrorCode::BadValue};
}

}  // namespace

Result<PayloadExtractor> PayloadExtractor::make(const std::vector<TagSettings>& tags) {
  std::vector<Place> places;
  for (const TagSettings& tag : tags) {
    const rapidjson::Pointer pointer(tag.pointer.data(), tag.pointer.size());
    // RapidJSON also takes the form that begins with '#', which is for URIs.
    if (!pointer.IsValid() || tag.pointer.starts_with('#')) {
      return failure(ErrorCode::ConfigInvalid, ErrorKind::Permanent,
                     "\"" + tag.pointer + "\" is no JSON Pointer; it would begin with /");
    }
    places.push_back({tag.tag, pointer});
  }
  return PayloadExtractor(std::move(places));
}

Result<std::vector<TagReading>> PayloadExtractor::extract(std::string_view payload) const {
  const auto document = json::parse(payload, kLimits);
  if (!document) {
    const bool too_long = payload.size() > kLimits.bytes_max;
    return failure(too_long ? ErrorCode::InputTooLong : ErrorCode::BadPayload, ErrorKind::Corrupt,
                   document.error().context);
  }
  std::vector<TagReading> readings;
  for (const Place& place : places_) {
    if (const json::Value* value = place.pointer.Get(*document)) {
      readings.push_back(read(place.tag, *value));
    }
  }
  if (readings.empty()) {
    return failure(ErrorCode::BadPayload, ErrorKind::Corrupt, "none of the device's tags is in it");
  }
  return readings;
}

}  // namespace hubward::mqtt
