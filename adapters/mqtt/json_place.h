// A place in a JSON payload, and what stands there.
#pragma once

// Before RapidJSON's own headers: sets how RapidJSON is built everywhere.
#include "proto/json.h"
// The rest.
#include <rapidjson/pointer.h>

#include <optional>
#include <string>
#include <string_view>

#include "gateway/api/reading.h"

namespace hubward::mqtt {

class JsonPlace {
 public:
  // Error ConfigInvalid: it is no JSON Pointer (RFC 6901).
  [[nodiscard]] static Result<JsonPlace> parse(std::string_view pointer);

  // Null: nothing there.
  [[nodiscard]] const json::Value* in(const json::Value& root) const { return pointer_.Get(root); }

 private:
  explicit JsonPlace(rapidjson::Pointer pointer) : pointer_(std::move(pointer)) {}
  rapidjson::Pointer pointer_;
};

// Nothing: null, an object or an array.
[[nodiscard]] std::optional<TagValue> value_of(const json::Value& value);
// The value as plain text: a text without quotes, numbers and truth values as JSON writes them.
[[nodiscard]] std::string text_of(const json::Value& value);

}  // namespace hubward::mqtt
