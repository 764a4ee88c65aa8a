#include "gateway/control/refused_names.h"

#include "proto/json.h"

namespace hubward::control {

std::string refused_text(const std::vector<std::string>& names) {
  rapidjson::StringBuffer buffer;
  json::Writer out(buffer);
  out.StartObject();
  out.Key("version");
  out.Int(1);
  out.Key("refused");
  out.StartArray();
  for (const std::string& name : names) out.String(name);
  out.EndArray();
  out.EndObject();
  return {buffer.GetString(), buffer.GetSize()};
}

std::optional<std::vector<std::string>> refused_in(const std::string& text) {
  const auto document = json::parse(text, {.bytes_max = kRefusedBytesMax});
  const json::Value* list = document ? json::find(*document, "refused") : nullptr;
  if (list == nullptr || !list->IsArray()) return std::nullopt;
  std::vector<std::string> names;
  for (const json::Value& one : list->GetArray()) {
    const auto name = json::as_string(&one);
    if (!name) return std::nullopt;
    names.emplace_back(*name);
  }
  return names;
}

}  // namespace hubward::control
