#include "tests/sim/cloud/twin.h"

#include "tests/sim/cloud/types.h"

namespace hubward::simcloud {
namespace {

constexpr std::string_view kVersion = "$version";

json::Value copy_text(std::string_view text, json::Document::AllocatorType& memory) {
  return json::Value(text.data(), static_cast<rapidjson::SizeType>(text.size()), memory);
}

// RFC 7396. The depth is bounded by the parser's limit.
void merge(json::Value& target, const json::Value& patch, json::Document::AllocatorType& memory) {
  if (!target.IsObject()) target.SetObject();
  for (const auto& member : patch.GetObject()) {
    const std::string_view name(member.name.GetString(), member.name.GetStringLength());
    if (member.value.IsNull()) {
      target.RemoveMember(member.name);
      continue;
    }
    if (!target.HasMember(member.name)) {
      target.AddMember(copy_text(name, memory), json::Value(), memory);
    }
    json::Value& changed = target[member.name];
    if (member.value.IsObject()) {
      merge(changed, member.value, memory);
    } else {
      changed.CopyFrom(member.value, memory);
    }
  }
}

Result<json::Document> parse_patch(std::string_view text) {
  constexpr std::size_t kDepthMax = 12;  // ten levels of a twin (section 3.8), arrays and the root
  auto patch = json::parse(text, {.bytes_max = 2 * kTwinBytesMax, .depth_max = kDepthMax});
  if (patch && !patch->IsObject()) {
    return failure(ErrorCode::Malformed, ErrorKind::Corrupt, "a twin patch is a JSON object");
  }
  if (patch) patch->RemoveMember("$version");
  return patch;
}

Result<std::int64_t> apply(json::Document& document, std::int64_t& version, std::string_view text) {
  const auto patch = parse_patch(text);
  if (!patch) return tl::unexpected(patch.error());
  json::Document changed;  // a fresh one each time also returns the memory of replaced values
  changed.CopyFrom(document, changed.GetAllocator());
  merge(changed, *patch, changed.GetAllocator());
  if (json::to_text(changed).size() > kTwinBytesMax) {
    return failure(ErrorCode::LimitExceeded, ErrorKind::Permanent, "twin over 32 KB");
  }
  document = std::move(changed);
  return ++version;
}

void add_versioned(json::Document& root, const char* name, const json::Document& part,
                   std::int64_t version) {
  auto& memory = root.GetAllocator();
  json::Value copy(part, memory);
  copy.AddMember(copy_text(kVersion, memory), json::Value(version), memory);
  root.AddMember(rapidjson::StringRef(name), copy, memory);
}

}  // namespace

Twin::Twin() {
  desired_.SetObject();
  reported_.SetObject();
}

Result<std::int64_t> Twin::patch_desired(std::string_view patch) {
  return apply(desired_, desired_version_, patch);
}

Result<std::int64_t> Twin::patch_reported(std::string_view patch) {
  return apply(reported_, reported_version_, patch);
}

std::string Twin::to_text() const {
  json::Document root;
  root.SetObject();
  add_versioned(root, "desired", desired_, desired_version_);
  add_versioned(root, "reported", reported_, reported_version_);
  return json::to_text(root);
}

std::string with_version(std::string_view patch, std::int64_t version) {
  auto document = parse_patch(patch);
  if (!document) return {};
  auto& memory = document->GetAllocator();
  document->AddMember(copy_text(kVersion, memory), json::Value(version), memory);
  return json::to_text(*document);
}

}  // namespace hubward::simcloud
