#include "gateway/platform/file_answer_store.h"

#include <algorithm>
#include <set>
#include <utility>

#include "proto/json.h"

namespace hubward::platform {
namespace {

constexpr int kVersion = 1;
constexpr int kUnderWay = 0;
constexpr json::Limits kLimits{.bytes_max = FileAnswerStore::kFileBytesMax, .depth_max = 6};

using Answers = std::map<TwinAnswers::Property, WishAnswer>;

std::optional<hub::AckCode> to_code(std::int64_t number) {
  for (const hub::AckCode known :
       {hub::AckCode::Done, hub::AckCode::InProgress, hub::AckCode::DeviceDefault,
        hub::AckCode::Rejected, hub::AckCode::Failed}) {
    if (number == static_cast<std::int64_t>(known)) return known;
  }
  return {};
}

bool add_answer(const json::Value& row, Answers& into) {
  if (!row.IsArray() || row.Size() != 7) return false;
  const auto text = [&](rapidjson::SizeType at) { return json::as_string(&row[at]); };
  const auto number = [&](rapidjson::SizeType at) { return json::as_int(&row[at]); };
  const auto component = text(0), name = text(1), wish = text(3), description = text(6);
  const auto version = number(2), code = number(4), ack_version = number(5);
  if (!component || !name || !version || !wish || !code || !ack_version || !description) {
    return false;
  }
  const bool under_way = *code == kUnderWay;
  const auto known = under_way ? hub::AckCode::InProgress : to_code(*code);
  if (!known) return false;
  into.insert_or_assign({std::string(*component), std::string(*name)},
                        WishAnswer{*version,
                                   std::string(*wish),
                                   {*known, *ack_version, std::string(*description)},
                                   under_way});
  return true;
}

void write_answer(json::Writer& out, const TwinAnswers::Property& property,
                  const WishAnswer& answer) {
  out.StartArray();
  out.String(property.first);
  out.String(property.second);
  out.Int64(answer.version);
  out.String(answer.wish);
  out.Int(answer.under_way ? kUnderWay : static_cast<int>(answer.ack.code));
  out.Int64(answer.ack.version);
  out.String(answer.ack.description);
  out.EndArray();
}

std::string to_json(const std::string& device, const TwinAnswers& answers) {
  rapidjson::StringBuffer buffer;
  json::Writer out(buffer);
  out.StartObject();
  out.Key("device");
  out.String(device);
  out.Key("twin");
  out.String(answers.twin);
  out.Key("answers");
  out.StartArray();
  for (const auto& [property, answer] : answers.by_property) write_answer(out, property, answer);
  out.EndArray();
  out.EndObject();
  return {buffer.GetString(), buffer.GetSize()};
}

std::optional<TwinAnswers> to_answers(const json::Value& entry) {
  const auto twin = json::as_string(json::find(entry, "twin"));
  const json::Value* const rows = json::find(entry, "answers");
  if (!twin || rows == nullptr || !rows->IsArray()) return {};
  TwinAnswers answers{std::string(*twin), {}};
  for (const auto& row : rows->GetArray()) {
    if (!add_answer(row, answers.by_property)) return {};
  }
  return answers;
}

}  // namespace

FileAnswerStore::FileAnswerStore(std::string path, const Clock& clock, Log& log)
    : clock_(clock),
      log_(log),
      file_({.path = std::move(path),
             .name = "answers",
             .without_it = "of desired properties only what the twins tell is known"},
            log, [this] { return as_json(); }) {
  file_.read(kFileBytesMax, [this](const std::string& text) { return parse(text); });
}

void FileAnswerStore::expect(std::span<const DeviceDescription> devices) {
  std::set<std::string_view> names;
  for (const auto& device : devices) names.insert(device.id);
  const bool dated = clock_.wall_is_trusted();
  const WallTime now = clock_.wall();
  bool changed = false;
  {
    const std::lock_guard lock(mutex_);
    for (auto at = by_registration_.begin(); at != by_registration_.end();) {
      Kept& kept = at->second;
      if (names.contains(at->first)) {
        changed |= std::exchange(kept.gone_ms, 0) != 0;
      } else if (dated && kept.gone_ms == 0) {
        kept.gone_ms = now.time_since_epoch().count();
        changed = true;
      } else if (dated &&
                 now - WallTime(std::chrono::milliseconds(kept.gone_ms)) > kKeptWithoutDevice) {
        at = by_registration_.erase(at);
        changed = true;
        continue;
      }
      ++at;
    }
  }
  if (changed) file_.changed();
}

std::optional<TwinAnswers> FileAnswerStore::load(const std::string& registration_id) const {
  const std::lock_guard lock(mutex_);
  const auto found = by_registration_.find(registration_id);
  if (found == by_registration_.end()) return std::nullopt;
  const auto document = json::parse(found->second.json, kLimits);
  if (!document) return std::nullopt;
  return to_answers(*document);
}

void FileAnswerStore::save(const std::string& registration_id, const TwinAnswers& answers) {
  {
    const std::lock_guard lock(mutex_);
    const auto known = by_registration_.find(registration_id);
    if (answers.by_property.empty()) {
      if (known == by_registration_.end()) return;
      by_registration_.erase(known);
    } else {
      std::string json = to_json(registration_id, answers);
      if (known != by_registration_.end() && known->second.json == json) return;
      by_registration_.insert_or_assign(registration_id, Kept{std::move(json)});
    }
  }
  file_.changed();
}

// All of the file or nothing: a file that is half right was not written by us.
bool FileAnswerStore::parse(const std::string& text) {
  const auto document = json::parse(text, kLimits);
  if (!document || json::as_int(json::find(*document, "version")) != kVersion) return false;
  const json::Value* const devices = json::find(*document, "devices");
  if (devices == nullptr || !devices->IsArray()) return false;
  std::map<std::string, Kept> found;
  for (const auto& entry : devices->GetArray()) {
    const auto device = json::as_string(json::find(entry, "device"));
    const auto answers = to_answers(entry);
    if (!device || !answers) return false;
    Kept kept{to_json(std::string(*device), *answers)};
    kept.gone_ms =
        std::max<std::int64_t>(json::as_int(json::find(entry, "gone_ms")).value_or(0), 0);
    found.insert_or_assign(std::string(*device), std::move(kept));
  }
  by_registration_ = std::move(found);
  return true;
}

// A file that is larger than we read would be none at all. Those whose device is gone go first.
std::string FileAnswerStore::as_json() {
  constexpr std::string_view kEnd = "]}";
  std::string text = "{\"version\":" + std::to_string(kVersion) + ",\"devices\":[";
  std::size_t left_out = 0;
  {
    const std::lock_guard lock(mutex_);
    bool first = true;
    for (const bool gone : {false, true}) {
      for (const auto& [device, kept] : by_registration_) {
        if ((kept.gone_ms != 0) != gone) continue;
        std::string one = kept.json;
        if (gone)
          one.replace(one.size() - 1, 1, ",\"gone_ms\":" + std::to_string(kept.gone_ms) + "}");
        if (text.size() + 1 + one.size() + kEnd.size() > kFileBytesMax) {
          ++left_out;
          continue;
        }
        if (!std::exchange(first, false)) text += ',';
        text += one;
      }
    }
  }
  text += kEnd;
  if (std::exchange(too_many_, left_out > 0) != (left_out > 0) && left_out > 0) {
    log_.write(LogLevel::Error, "answers_too_many",
               {{"devices_left_out", std::to_string(left_out)}});
  }
  return text;
}

}  // namespace hubward::platform
