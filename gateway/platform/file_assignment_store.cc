#include "gateway/platform/file_assignment_store.h"

#include <cstdio>
#include <utility>

#include "gateway/platform/atomic_file.h"
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

// All of the file or nothing: a file that is half right was not written by us.
std::optional<std::map<std::string, Assignment>> parse(const std::string& text) {
  const auto document =
      json::parse(text, {.bytes_max = FileAssignmentStore::kFileBytesMax, .depth_max = 4});
  if (!document || json::as_int(json::find(*document, "version")) != kVersion) return {};
  const json::Value* const entries = json::find(*document, "assignments");
  if (entries == nullptr || !entries->IsArray()) return {};
  std::map<std::string, Assignment> found;
  for (const auto& entry : entries->GetArray()) {
    auto assignment = to_assignment(entry);
    if (!assignment) return {};
    found.insert_or_assign(assignment->registration_id, std::move(*assignment));
  }
  return found;
}

}  // namespace

FileAssignmentStore::FileAssignmentStore(std::string path, Log& log)
    : path_(std::move(path)), log_(log) {
  read();
  writer_ = std::jthread([this](const std::stop_token& stop) { write_changes(stop); });
}

FileAssignmentStore::~FileAssignmentStore() {
  writer_.request_stop();
  writer_.join();
}

void FileAssignmentStore::read() {
  const auto file = read_file(path_, kFileBytesMax);
  if (file && file->missing) return;
  auto found = file ? parse(file->text) : std::nullopt;
  if (found) {
    by_registration_ = std::move(*found);
    return;
  }
  const std::string aside = path_ + ".unreadable";
  const bool moved = std::rename(path_.c_str(), aside.c_str()) == 0;
  log_.write(LogLevel::Warn, "assignments_unreadable",
             {{"file", path_},
              {"reason", file ? "not what hubward writes" : file.error().context},
              {"set_aside_as", moved ? aside : ""},
              {"next", "every device asks DPS for its hub"}});
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
    unwritten_ = true;
  }
  changed_.notify_one();
}

void FileAssignmentStore::write_changes(const std::stop_token& stop) noexcept {
  bool failing = false;
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, stop, [this] { return unwritten_; });
    if (!unwritten_) return;  // stopped, and nothing left
    // Neighbours in time share a write. At the end there is no waiting.
    changed_.wait_for(lock, stop, failing ? std::chrono::milliseconds{kRetryAfter} : kWriteDelay,
                      [] { return false; });
    const std::string text = as_json();
    unwritten_ = false;
    lock.unlock();
    const Status written = write_atomically(path_, text);
    if (written.has_value() == failing) {  // a change of state, not its repetitions
      failing = !written;
      log_.write(failing ? LogLevel::Error : LogLevel::Info,
                 failing ? "assignments_not_written" : "assignments_written",
                 {{"reason", failing ? written.error().context : ""}});
    }
    lock.lock();
    if (written) continue;
    unwritten_ = true;
    if (stop.stop_requested()) return;
  }
}

std::string FileAssignmentStore::as_json() const {
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
