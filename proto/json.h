// JSON from outside, parsed so that hostile input costs an error and nothing else: no recursion,
// bounded depth and size, strict UTF-8, numbers converted with std::from_chars, repeated keys
// refused. (RapidJSON 1.1.0 with default flags crashes on hostile numbers and deep nesting.)
// Every JSON text that hubward reads goes through parse(); nobody includes RapidJSON's reader.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#ifndef RAPIDJSON_HAS_STDSTRING
#define RAPIDJSON_HAS_STDSTRING 1
#endif
#include <rapidjson/document.h>
#include <rapidjson/stringbuffer.h>
#include <rapidjson/writer.h>

#include "proto/result.h"

namespace hubward::json {

using Document = rapidjson::Document;
using Value = rapidjson::Value;
using Writer = rapidjson::Writer<rapidjson::StringBuffer>;

struct Limits {
  std::size_t bytes_max = 1024 * 1024;
  std::size_t depth_max = 32;  // objects and arrays inside each other
};

// Error Malformed with "at byte N: why" or LimitExceeded in the context.
[[nodiscard]] Result<Document> parse(std::string_view text, const Limits& limits = {});

// Member of an object, or nullptr if `object` is no object or has none of that name.
[[nodiscard]] const Value* find(const Value& object, std::string_view name);

// The value if it has that type, else nothing. Integers also read a double without a fraction.
[[nodiscard]] std::optional<std::string_view> as_string(const Value* value);
[[nodiscard]] std::optional<std::int64_t> as_int(const Value* value);
[[nodiscard]] std::optional<double> as_double(const Value* value);
[[nodiscard]] std::optional<bool> as_bool(const Value* value);

[[nodiscard]] std::string to_text(const Value& value);

}  // namespace hubward::json
