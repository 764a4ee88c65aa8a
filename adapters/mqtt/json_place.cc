#include "adapters/mqtt/json_place.h"

#include <utility>

namespace hubward::mqtt {

Result<JsonPlace> JsonPlace::parse(std::string_view text) {
  rapidjson::Pointer pointer(text.data(), text.size());
  // RapidJSON also takes the form that begins with '#', which is for URIs.
  if (!pointer.IsValid() || text.starts_with('#')) {
    return failure(ErrorCode::ConfigInvalid, ErrorKind::Permanent,
                   "\"" + std::string(text) + "\" is no JSON Pointer; it would begin with /");
  }
  return JsonPlace(std::move(pointer));
}

std::optional<TagValue> value_of(const json::Value& value) {
  if (value.IsBool()) return value.GetBool();
  if (value.IsInt64()) return std::int64_t{value.GetInt64()};
  if (value.IsUint64()) return std::uint64_t{value.GetUint64()};
  if (value.IsDouble()) return value.GetDouble();
  if (value.IsString()) return std::string(value.GetString(), value.GetStringLength());
  return std::nullopt;
}

std::string text_of(const json::Value& value) {
  if (const auto text = json::as_string(&value)) return std::string(*text);
  return json::to_text(value);
}

}  // namespace hubward::mqtt
