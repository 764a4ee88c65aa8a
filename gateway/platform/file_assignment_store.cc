#include "gateway/platform/file_assignment_store.h"

#include <utility>

#include "proto/json.h"

namespace hubward::platform {
namespace {

constexpr int kVersion = 1;

std::optional<Assignment> to_assignment(const json::Value& entry) {
  const auto text = [&](std::string_view name) { return json::as_string(json::find(entry, name)); };
  const auto hub = text("assigned_hub");
  const auto device = text("device_id");
  const auto scope = text("id_scope");
  const auto registration = text("registration_id");
  const auto credential = text("credential");
  if (!hub || !device || !scope || !registration || !credential || hub->empty()) return {};
  return Assignment{std::string(*hub), std::string(*device), std::string(*scope),
                    std::string(*registration), std::string(*credential)};
}

}  // namespace

FileAssignmentStore::FileAssignmentStore(std::string path, Log& log)
    : file_({.path = std::move(path),
             .name = "assignments",
             .without_it = "every device asks DPS for its hub"},
            log, [this] { return as_json(); }) {
  file_.read(kFileBytesMax, [this](const std::string& text) { return parse(text); });
}

// All of the file or nothing: a file that is half right was not written by us.
bool FileAssignmentStore::parse(const std::string& text) {
  const auto document = json::parse(text, {.bytes_max = kFileBytesMax, .depth_max = 4});
  if (!document || json::as_int(json::find(*document, "version")) != kVersion) return false;
  const json::Value* const entries = json::find(*document, "assignments");
  if (entries == nullptr || !entries->IsArray()) return false;
  std::map<std::string, Assignment> found;
  for (const auto& entry : entries->GetArray()) {
    auto assignment = to_assignment(entry);
    if (!assignment) return false;
    found.insert_or_assign(assignment->registration_id, std::move(*assignment));
  }
  by_registration_ = std::move(found);
  return true;
}

std::optional<Assignment> FileAssignmentStore::load(const std::string& id_scope,
                                                    const std::string& registration_id,
                                                    const std::string& credential) const {
  const std::lock_guard lock(mutex_);
  const auto found = by_registration_.find(registration_id);
  if (found == by_registration_.end() || found->second.id_scope != id_scope ||
      found->second.credential != credential) {
    return std::nullopt;
  }
  return found->second;
}

void FileAssignmentStore::save(const Assignment& assignment) {
  {
    const std::lock_guard lock(mutex_);
    Assignment& kept = by_registration_[assignment.registration_id];
    if (kept == assignment) return;
    kept = assignment;
  }
  file_.changed();
}

std::string FileAssignmentStore::as_json() const {
  const std::lock_guard lock(mutex_);
  rapidjson::StringBuffer buffer;
  json::Writer writer(buffer);
  const auto member = [&](const char* name, const std::string& value) {
    writer.Key(name);
    writer.String(value);
  };
  writer.StartObject();
  writer.Key("version");
  writer.Int(kVersion);
  writer.Key("assignments");
  writer.StartArray();
  for (const auto& [registration, assignment] : by_registration_) {
    writer.StartObject();
    member("registration_id", registration);
    member("id_scope", assignment.id_scope);
    member("credential", assignment.credential);
    member("assigned_hub", assignment.assigned_hub);
    member("device_id", assignment.device_id);
    writer.EndObject();
  }
  writer.EndArray();
  writer.EndObject();
  return {buffer.GetString(), buffer.GetSize()};
}

}  // namespace hubward::platform
