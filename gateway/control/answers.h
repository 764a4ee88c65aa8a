#pragma once

#include <string>
#include <string_view>

#include "proto/json.h"

namespace hubward::control {

// {"error": "..."}: a sentence for the person at the command line.
[[nodiscard]] inline std::string error_json(std::string_view what) {
  rapidjson::StringBuffer buffer;
  json::Writer out(buffer);
  out.StartObject();
  out.Key("error");
  out.String(what.data(), static_cast<rapidjson::SizeType>(what.size()));
  out.EndObject();
  return {buffer.GetString(), buffer.GetSize()};
}

inline void write_text(json::Writer& out, const char* key, std::string_view text) {
  out.Key(key);
  out.String(text.data(), static_cast<rapidjson::SizeType>(text.size()));
}

}  // namespace hubward::control
