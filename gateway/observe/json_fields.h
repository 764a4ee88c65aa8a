// One member of an object each, as all JSON of this room writes them.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "proto/json.h"
#include "proto/time.h"

namespace hubward::observe {

inline void text(json::Writer& out, const char* key, std::string_view value) {
  out.Key(key);
  out.String(value.data(), static_cast<rapidjson::SizeType>(value.size()));
}

inline void number(json::Writer& out, const char* key, std::uint64_t value) {
  out.Key(key);
  out.Uint64(value);
}

// Milliseconds since 1970.
inline void time(json::Writer& out, const char* key, WallTime at) {
  out.Key(key);
  out.Int64(at.time_since_epoch().count());
}

inline void time(json::Writer& out, const char* key, const std::optional<WallTime>& at) {
  if (at) time(out, key, *at);
}

}  // namespace hubward::observe
