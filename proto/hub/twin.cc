#include "proto/hub/twin.h"

#include <algorithm>
#include <cmath>

#include "proto/json.h"

namespace hubward::hub {
namespace {

// Desired and reported together with the hub's metadata, which may be larger than what it
// describes.
constexpr json::Limits kTwinLimits{std::size_t{512} * 1024, 32};
// The root and the levels below it.
constexpr json::Limits kValueLimits{kMaxTwinBytes, kMaxTwinDepth + 1};

constexpr std::string_view kComponentMark = "__t";

std::string_view name_of(const json::Value& name) {
  return {name.GetString(), name.GetStringLength()};
}

// Of the hub's or the convention's own, no property: $version, $metadata, __t.
bool is_reserved(std::string_view name) { return name.starts_with('$') || name == kComponentMark; }

bool is_component(std::string_view name, const json::Value& value,
                  std::span<const std::string> components) {
  if (!value.IsObject()) return false;
  return std::find(components.begin(), components.end(), name) != components.end() ||
         json::as_string(json::find(value, kComponentMark)) == "c";
}

const json::Value* find_in(const json::Value* object, std::string_view name) {
  return object == nullptr ? nullptr : json::find(*object, name);
}

// A code that we never send counts as a failure.
AckCode to_ack_code(std::optional<std::int64_t> code) {
  for (const AckCode known : {AckCode::Done, AckCode::InProgress, AckCode::DeviceDefault,
                              AckCode::Rejected, AckCode::Failed}) {
    if (code == static_cast<std::int64_t>(known)) return known;
  }
  return AckCode::Failed;
}

std::optional<ReportedAnswer> reported_answer(const json::Value* reported, std::string_view name) {
  const auto* entry = find_in(reported, name);
  const auto version = json::as_int(find_in(entry, "av"));
  if (!version) return std::nullopt;
  const auto* value = find_in(entry, "value");
  return ReportedAnswer{value == nullptr ? std::string{} : json::to_text(*value),
                        {to_ack_code(json::as_int(find_in(entry, "ac"))), *version,
                         std::string(json::as_string(find_in(entry, "ad")).value_or(""))}};
}

// All properties of one component (or of the root, which holds the components too).
void collect(const json::Value& members, std::string_view component, const json::Value* reported,
             std::span<const std::string> components, DesiredProperties& result) {
  for (const auto& member : members.GetObject()) {
    const auto name = name_of(member.name);
    if (is_reserved(name)) continue;
    if (component.empty() && is_component(name, member.value, components)) {
      collect(member.value, name, find_in(reported, name), components, result);
      continue;
    }
    result.properties.push_back({std::string(component), std::string(name),
                                 json::to_text(member.value), result.version,
                                 reported_answer(reported, name)});
  }
}

tl::unexpected<Error> malformed(std::string why) {
  return failure(ErrorCode::Malformed, ErrorKind::Corrupt, std::move(why));
}

Status check_name(std::string_view name) {
  const bool bad_character = std::any_of(name.begin(), name.end(), [](char c) {
    return c == '.' || c == '$' || c == ' ' || static_cast<unsigned char>(c) < 0x20 || c == '\x7f';
  });
  if (name.empty() || name.size() > kMaxTwinNameBytes || bad_character) {
    return failure(ErrorCode::BadValue, ErrorKind::Permanent,
                   "a twin property's name must have 1 to 1024 characters and no dot, dollar sign "
                   "or space: \"" +
                       std::string(name.substr(0, 64)) + "\"");
  }
  return {};
}

// Recursion is bounded: the value has passed json::parse with kValueLimits.
Status check_value(const json::Value& value) {
  if (value.IsString() && value.GetStringLength() > kMaxTwinStringBytes) {
    return failure(ErrorCode::LimitExceeded, ErrorKind::Permanent,
                   "a text in a twin has at most 4096 bytes");
  }
  if (value.IsInt64() || value.IsUint64()) {
    const bool in_range = value.IsInt64() && value.GetInt64() >= -kMaxTwinInteger &&
                          value.GetInt64() <= kMaxTwinInteger;
    if (!in_range) {
      return failure(ErrorCode::BadValue, ErrorKind::Permanent,
                     "a whole number in a twin must lie within plus or minus 2^52");
    }
  }
  if (value.IsArray()) {
    for (const auto& element : value.GetArray()) {
      if (auto status = check_value(element); !status) return status;
    }
  }
  if (value.IsObject()) {
    for (const auto& member : value.GetObject()) {
      if (auto status = check_name(name_of(member.name)); !status) return status;
      if (auto status = check_value(member.value); !status) return status;
    }
  }
  return {};
}

class PatchBuilder {
 public:
  Status add(const ReportedProperty& property) {
    if (auto status = check_name(property.name); !status) return status;
    auto value = json::parse(property.value, kValueLimits);
    if (!value) return tl::unexpected(value.error());
    json::Value copy(*value, document_.GetAllocator());
    if (property.ack) copy = acknowledged(std::move(copy), *property.ack);
    if (auto status = check_value(copy); !status) return status;
    auto target = component(property.component);
    if (!target) return tl::unexpected(target.error());
    set(**target, property.name, std::move(copy));
    return {};
  }

  Result<std::string> text() const {
    auto result = json::to_text(document_);
    if (result.size() > kMaxTwinBytes) {
      return failure(ErrorCode::LimitExceeded, ErrorKind::Permanent,
                     std::to_string(result.size()) +
                         " bytes of reported properties; a twin holds at most 32 KB");
    }
    // Wrapping in component and acknowledgement adds levels, so the whole is measured, not its
    // parts.
    if (auto whole = json::parse(result, kValueLimits); !whole) {
      return failure(ErrorCode::LimitExceeded, ErrorKind::Permanent,
                     "reported properties are nested more than 10 levels deep");
    }
    return result;
  }

 private:
  json::Value string(std::string_view text) {
    return json::Value(text.data(), static_cast<rapidjson::SizeType>(text.size()),
                       document_.GetAllocator());
  }

  void set(json::Value& object, std::string_view name, json::Value value) {
    json::Value key = string(name);
    if (object.HasMember(key)) {
      object[key] = std::move(value);
    } else {
      object.AddMember(std::move(key), std::move(value), document_.GetAllocator());
    }
  }

  json::Value acknowledged(json::Value value, const Acknowledgement& ack) {
    json::Value object(rapidjson::kObjectType);
    set(object, "value", std::move(value));
    set(object, "ac", json::Value(static_cast<int>(ack.code)));
    set(object, "av", json::Value(ack.version));
    if (!ack.description.empty()) set(object, "ad", string(ack.description));
    return object;
  }

  // The root, or the component's object with its mark; made when first asked for.
  Result<json::Value*> component(const std::string& name) {
    if (name.empty()) return static_cast<json::Value*>(&document_);
    if (auto status = check_name(name); !status) return tl::unexpected(status.error());
    if (!document_.HasMember(name)) {
      json::Value object(rapidjson::kObjectType);
      set(object, kComponentMark, string("c"));
      set(document_, name, std::move(object));
    }
    json::Value& object = document_.FindMember(name)->value;
    if (json::as_string(json::find(object, kComponentMark)) != "c") {
      return failure(ErrorCode::BadValue, ErrorKind::Permanent,
                     "\"" + name + "\" names a property and a component");
    }
    return &object;
  }

  json::Document document_{rapidjson::kObjectType};
};

}  // namespace

std::string twin_get_topic(std::string_view rid) {
  return "$iothub/twin/GET/?$rid=" + std::string(rid);
}

std::string reported_patch_topic(std::string_view rid) {
  return "$iothub/twin/PATCH/properties/reported/?$rid=" + std::string(rid);
}

Result<Twin> parse_twin(std::string_view body, std::span<const std::string> components) {
  const auto document = json::parse(body, kTwinLimits);
  if (!document) return tl::unexpected(document.error());
  const json::Value* root = &*document;
  if (json::find(*root, "desired") == nullptr) {
    if (const auto* wrapped = json::find(*root, "properties")) root = wrapped;
  }
  const auto* desired = json::find(*root, "desired");
  if (desired == nullptr || !desired->IsObject()) return malformed("twin without \"desired\"");
  const auto* reported = json::find(*root, "reported");
  if (reported != nullptr && !reported->IsObject()) reported = nullptr;

  Twin twin;
  twin.desired.version = json::as_int(json::find(*desired, "$version")).value_or(0);
  collect(*desired, {}, reported, components, twin.desired);
  if (reported != nullptr) {
    twin.reported_version = json::as_int(json::find(*reported, "$version")).value_or(0);
  }
  return twin;
}

Result<DesiredProperties> parse_desired_patch(std::string_view body, std::int64_t topic_version,
                                              std::span<const std::string> components) {
  const auto document = json::parse(body, kTwinLimits);
  if (!document) return tl::unexpected(document.error());
  if (!document->IsObject()) return malformed("desired properties are no JSON object");
  DesiredProperties result;
  result.version = json::as_int(json::find(*document, "$version")).value_or(topic_version);
  collect(*document, {}, nullptr, components, result);
  return result;
}

Result<std::string> reported_patch(std::span<const ReportedProperty> properties) {
  PatchBuilder builder;
  for (const auto& property : properties) {
    if (auto status = builder.add(property); !status) return tl::unexpected(status.error());
  }
  return builder.text();
}

}  // namespace hubward::hub
