#include "proto/json.h"

#include <rapidjson/error/en.h>
#include <rapidjson/memorystream.h>
#include <rapidjson/reader.h>

#include <charconv>
#include <cmath>
#include <set>
#include <vector>

namespace hubward::json {
namespace {

// Hands RapidJSON's events on to the document, with our own number conversion and limits.
class Guard {
 public:
  Guard(Document& document, const Limits& limits) : document_(document), limits_(limits) {}

  const std::string& refusal() const { return refusal_; }
  bool over_limit() const { return over_limit_; }

  bool Null() { return document_.Null(); }
  bool Bool(bool value) { return document_.Bool(value); }
  bool Int(int value) { return document_.Int(value); }
  bool Uint(unsigned value) { return document_.Uint(value); }
  bool Int64(std::int64_t value) { return document_.Int64(value); }
  bool Uint64(std::uint64_t value) { return document_.Uint64(value); }
  bool Double(double value) { return document_.Double(value); }
  bool String(const char* text, rapidjson::SizeType length, bool copy) {
    return document_.String(text, length, copy);
  }

  bool RawNumber(const char* text, rapidjson::SizeType length, bool) {
    const char* end = text + length;
    if (std::int64_t value = 0; whole(std::from_chars(text, end, value), end)) {
      return document_.Int64(value);
    }
    if (std::uint64_t value = 0; whole(std::from_chars(text, end, value), end)) {
      return document_.Uint64(value);
    }
    double value = 0;
    if (!whole(std::from_chars(text, end, value), end)) return refuse("number out of range");
    return document_.Double(value);
  }

  bool StartObject() {
    if (!enter()) return false;
    keys_.emplace_back();
    return document_.StartObject();
  }
  bool Key(const char* text, rapidjson::SizeType length, bool copy) {
    if (!keys_.back().emplace(text, length).second) {
      return refuse("key \"" + std::string(text, std::min<std::size_t>(length, 64)) +
                    "\" appears twice");
    }
    return document_.Key(text, length, copy);
  }
  bool EndObject(rapidjson::SizeType members) {
    keys_.pop_back();
    --depth_;
    return document_.EndObject(members);
  }
  bool StartArray() { return enter() && document_.StartArray(); }
  bool EndArray(rapidjson::SizeType elements) {
    --depth_;
    return document_.EndArray(elements);
  }

 private:
  static bool whole(std::from_chars_result result, const char* end) {
    return result.ec == std::errc{} && result.ptr == end;
  }
  bool enter() {
    if (++depth_ <= limits_.depth_max) return true;
    over_limit_ = true;
    return refuse("nested too deeply");
  }
  bool refuse(std::string why) {
    refusal_ = std::move(why);
    return false;
  }

  Document& document_;
  const Limits& limits_;
  std::size_t depth_ = 0;
  std::vector<std::set<std::string, std::less<>>> keys_;
  std::string refusal_;
  bool over_limit_ = false;
};

}  // namespace

Result<Document> parse(std::string_view text, const Limits& limits) {
  if (text.size() > limits.bytes_max) {
    return failure(ErrorCode::LimitExceeded, ErrorKind::Corrupt,
                   std::to_string(text.size()) + " bytes of JSON");
  }
  constexpr unsigned kFlags = rapidjson::kParseIterativeFlag |
                              rapidjson::kParseNumbersAsStringsFlag |
                              rapidjson::kParseValidateEncodingFlag;
  Document document;
  Guard guard(document, limits);
  rapidjson::Reader reader;
  rapidjson::MemoryStream bytes(text.data(), text.size());
  rapidjson::EncodedInputStream<rapidjson::UTF8<>, rapidjson::MemoryStream> stream(bytes);
  rapidjson::ParseResult outcome;
  const auto feed = [&](Document&) {
    outcome = reader.Parse<kFlags>(stream, guard);
    return !outcome.IsError();
  };
  document.Populate(feed);
  if (outcome.IsError()) {
    const std::string why =
        guard.refusal().empty() ? rapidjson::GetParseError_En(outcome.Code()) : guard.refusal();
    return failure(guard.over_limit() ? ErrorCode::LimitExceeded : ErrorCode::Malformed,
                   ErrorKind::Corrupt, "at byte " + std::to_string(outcome.Offset()) + ": " + why);
  }
  return document;
}

const Value* find(const Value& object, std::string_view name) {
  if (!object.IsObject()) return nullptr;
  const auto key =
      Value(rapidjson::StringRef(name.data(), static_cast<rapidjson::SizeType>(name.size())));
  const auto member = object.FindMember(key);
  return member == object.MemberEnd() ? nullptr : &member->value;
}

std::optional<std::string_view> as_string(const Value* value) {
  if (value == nullptr || !value->IsString()) return std::nullopt;
  return std::string_view(value->GetString(), value->GetStringLength());
}

std::optional<std::int64_t> as_int(const Value* value) {
  if (value == nullptr) return std::nullopt;
  if (value->IsInt64()) return value->GetInt64();
  // 2^63 is the first double that an int64 cannot hold.
  if (value->IsDouble() && std::trunc(value->GetDouble()) == value->GetDouble() &&
      std::abs(value->GetDouble()) < 9223372036854775808.0) {
    return static_cast<std::int64_t>(value->GetDouble());
  }
  return std::nullopt;
}

std::optional<double> as_double(const Value* value) {
  if (value == nullptr || !value->IsNumber()) return std::nullopt;
  return value->GetDouble();
}

std::optional<bool> as_bool(const Value* value) {
  if (value == nullptr || !value->IsBool()) return std::nullopt;
  return value->GetBool();
}

std::string to_text(const Value& value) {
  rapidjson::StringBuffer buffer;
  Writer writer(buffer);
  value.Accept(writer);
  return std::string(buffer.GetString(), buffer.GetSize());
}

}  // namespace hubward::json
