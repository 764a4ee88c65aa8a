// Writes JSON member by member.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "proto/json.h"

namespace hubward::simnet {

class JsonText {
 public:
  JsonText& key(std::string_view name) {
    writer_.Key(name.data(), size(name));
    return *this;
  }
  JsonText& object() {
    writer_.StartObject();
    return *this;
  }
  JsonText& end_object() {
    writer_.EndObject();
    return *this;
  }
  JsonText& array() {
    writer_.StartArray();
    return *this;
  }
  JsonText& end_array() {
    writer_.EndArray();
    return *this;
  }
  JsonText& value(std::string_view text) {
    writer_.String(text.data(), size(text));
    return *this;
  }
  JsonText& value(const char* text) { return value(std::string_view(text)); }
  JsonText& value(std::int64_t number) {
    writer_.Int64(number);
    return *this;
  }
  JsonText& value(std::uint64_t number) {
    writer_.Uint64(number);
    return *this;
  }
  JsonText& value(int number) { return value(std::int64_t{number}); }
  JsonText& value(bool truth) {
    writer_.Bool(truth);
    return *this;
  }
  JsonText& null() {
    writer_.Null();
    return *this;
  }
  // `json` must be valid JSON.
  JsonText& raw(std::string_view json) {
    writer_.RawValue(json.data(), json.size(), rapidjson::kObjectType);
    return *this;
  }
  template <class T>
  JsonText& add(std::string_view name, const T& what) {
    return key(name).value(what);
  }
  [[nodiscard]] std::string text() const { return {buffer_.GetString(), buffer_.GetSize()}; }

 private:
  static rapidjson::SizeType size(std::string_view text) {
    return static_cast<rapidjson::SizeType>(text.size());
  }
  rapidjson::StringBuffer buffer_;
  json::Writer writer_{buffer_};
};

}  // namespace hubward::simnet
