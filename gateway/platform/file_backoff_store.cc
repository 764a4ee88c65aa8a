#include "gateway/platform/file_backoff_store.h"

#include <algorithm>
#include <utility>

#include "gateway/api/failure_words.h"
#include "proto/json.h"

namespace hubward::platform {
namespace {

constexpr int kVersion = 1;

// No clock of ours is there for a century; what a file says beyond it must not overflow.
std::int64_t bounded(std::int64_t nanoseconds) {
  constexpr auto kMax = std::chrono::nanoseconds(std::chrono::years(100)).count();
  return std::clamp<std::int64_t>(nanoseconds, 0, kMax);
}

// Turns a stored instant (nanoseconds of the steady clock that wrote it) into one of this process.
class CarryOver {
 public:
  CarryOver(const json::Value& document, std::uint64_t boot_id, const Clock& clock)
      : now_(clock.steady()) {
    const auto number = [&](std::string_view name) {
      return bounded(json::as_int(json::find(document, name)).value_or(0));
    };
    written_ = SteadyTime(std::chrono::nanoseconds(number("written_since_boot_ns")));
    const auto boot = json::as_string(json::find(document, "boot"));
    if (boot && boot_id != 0 && *boot == std::to_string(boot_id)) {
      passed_ = now_ - written_;
    } else if (json::as_bool(json::find(document, "clock_trusted")).value_or(false) &&
               clock.wall_is_trusted()) {
      passed_ = clock.wall() - WallTime(std::chrono::milliseconds(number("written_ms")));
    }
    passed_ = std::max(passed_, std::chrono::nanoseconds{0});
  }

  [[nodiscard]] SteadyTime operator()(std::int64_t stored_ns) const {
    const auto left = SteadyTime(std::chrono::nanoseconds(bounded(stored_ns))) - written_ - passed_;
    return now_ + std::clamp<std::chrono::nanoseconds>(left, std::chrono::nanoseconds{0},
                                                       FileBackoffStore::kPauseMax);
  }

 private:
  SteadyTime now_;
  SteadyTime written_;
  std::chrono::nanoseconds passed_{0};
};

std::optional<unsigned> count_of(const json::Value& entry, std::string_view name) {
  const auto number = json::as_int(json::find(entry, name));
  if (!number || *number < 0 || *number > 1'000'000'000) return {};
  return static_cast<unsigned>(*number);
}

std::optional<ErrorCode> code_of(std::string_view label) {
  const auto row = std::find_if(kFailureWords.begin(), kFailureWords.end(),
                                [&](const FailureWords& one) { return one.label == label; });
  return row == kFailureWords.end() ? std::nullopt : std::optional(row->code);
}

std::optional<BackoffRecord> to_record(const json::Value& entry, const CarryOver& carry_over) {
  const auto failures = count_of(entry, "failures");
  const auto steps = count_of(entry, "steps");
  const auto unreachable = count_of(entry, "unreachable");
  const auto refusals = count_of(entry, "refusals");
  const auto soft = count_of(entry, "soft");
  const auto asked = json::as_bool(json::find(entry, "dps_asked"));
  const auto next = json::as_int(json::find(entry, "next_ns"));
  const auto dps_next = json::as_int(json::find(entry, "dps_next_ns"));
  if (!failures || !steps || !unreachable || !refusals || !soft || !asked || !next || !dps_next) {
    return {};
  }
  return BackoffRecord{.failures = *failures,
                       .steps = *steps,
                       .unreachable = *unreachable,
                       .refusals = *refusals,
                       .soft = *soft,
                       .dps_asked_in_step = *asked,
                       .not_before = carry_over(*next),
                       .dps_not_before = carry_over(*dps_next),
                       // Not there: an earlier version wrote it. Unknown: a later one.
                       .why = code_of(json::as_string(json::find(entry, "why")).value_or(""))};
}

std::int64_t nanoseconds(SteadyTime at) { return at.time_since_epoch().count(); }

void write_record(json::Writer& out, const std::string& device, const BackoffRecord& record) {
  out.StartObject();
  out.Key("device");
  out.String(device);
  const auto number = [&](const char* key, std::int64_t value) {
    out.Key(key);
    out.Int64(value);
  };
  number("failures", record.failures);
  number("steps", record.steps);
  number("unreachable", record.unreachable);
  number("refusals", record.refusals);
  number("soft", record.soft);
  out.Key("dps_asked");
  out.Bool(record.dps_asked_in_step);
  number("next_ns", nanoseconds(record.not_before));
  number("dps_next_ns", nanoseconds(record.dps_not_before));
  if (record.why) {
    const std::string_view label = words_for(*record.why).label;
    out.Key("why");
    out.String(label.data(), static_cast<rapidjson::SizeType>(label.size()));
  }
  out.EndObject();
}

}  // namespace

FileBackoffStore::FileBackoffStore(std::string path, std::uint64_t boot_id, const Clock& clock,
                                   Log& log)
    : boot_id_(boot_id),
      clock_(clock),
      file_({.path = std::move(path),
             .name = "backoffs",
             .without_it = "every device begins as if nothing had failed yet"},
            log, [this] { return as_json(); }) {
  file_.read(kFileBytesMax, [this](const std::string& text) { return parse(text); });
}

std::optional<BackoffRecord> FileBackoffStore::load(const std::string& registration_id) const {
  const std::lock_guard lock(mutex_);
  const auto found = by_registration_.find(registration_id);
  if (found == by_registration_.end()) return std::nullopt;
  return found->second;
}

std::vector<GateRecord> FileBackoffStore::load_gates() const {
  const std::lock_guard lock(mutex_);
  return gates_;
}

void FileBackoffStore::save(const std::string& registration_id, const BackoffRecord& record) {
  {
    const std::lock_guard lock(mutex_);
    const auto known = by_registration_.find(registration_id);
    if (record.failures == 0) {
      if (known == by_registration_.end()) return;
      by_registration_.erase(known);
    } else {
      if (known != by_registration_.end() && known->second == record) return;
      by_registration_.insert_or_assign(registration_id, record);
    }
  }
  file_.changed();
}

void FileBackoffStore::save_gates(std::vector<GateRecord> gates) {
  {
    const std::lock_guard lock(mutex_);
    if (gates_ == gates) return;
    gates_ = std::move(gates);
  }
  file_.changed();
}

// All of the file or nothing: a file that is half right was not written by us.
bool FileBackoffStore::parse(const std::string& text) {
  const auto document = json::parse(text, {.bytes_max = kFileBytesMax, .depth_max = 4});
  if (!document || json::as_int(json::find(*document, "version")) != kVersion) return false;
  const json::Value* const devices = json::find(*document, "devices");
  const json::Value* const gates = json::find(*document, "gates");
  if (devices == nullptr || !devices->IsArray() || gates == nullptr || !gates->IsArray()) {
    return false;
  }
  const CarryOver carry_over(*document, boot_id_, clock_);
  std::map<std::string, BackoffRecord> records;
  std::vector<GateRecord> open_gates;
  for (const auto& entry : devices->GetArray()) {
    const auto device = json::as_string(json::find(entry, "device"));
    const auto record = to_record(entry, carry_over);
    if (!device || !record) return false;
    records.insert_or_assign(std::string(*device), *record);
  }
  for (const auto& entry : gates->GetArray()) {
    const auto gate = json::as_string(json::find(entry, "gate"));
    const auto steps = count_of(entry, "steps");
    const auto next = json::as_int(json::find(entry, "next_ns"));
    if (!gate || !steps || !next) return false;
    GateRecord record{std::string(*gate), *steps, carry_over(*next)};
    // An earlier version did not write these.
    record.questions = count_of(entry, "questions").value_or(0);
    if (const auto question = json::as_int(json::find(entry, "next_question_ns"))) {
      record.next_question = carry_over(*question);
    }
    const auto named = json::as_int(json::find(entry, "named_ns"));
    record.named = named ? carry_over(*named) : record.next_look;
    open_gates.push_back(std::move(record));
  }
  by_registration_ = std::move(records);
  gates_ = std::move(open_gates);
  return true;
}

std::string FileBackoffStore::as_json() const {
  const std::lock_guard lock(mutex_);
  rapidjson::StringBuffer buffer;
  json::Writer out(buffer);
  out.StartObject();
  out.Key("version");
  out.Int(kVersion);
  out.Key("boot");
  out.String(std::to_string(boot_id_));
  out.Key("written_since_boot_ns");
  out.Int64(nanoseconds(clock_.steady()));
  out.Key("written_ms");
  out.Int64(clock_.wall().time_since_epoch().count());
  out.Key("clock_trusted");
  out.Bool(clock_.wall_is_trusted());
  out.Key("devices");
  out.StartArray();
  for (const auto& [device, record] : by_registration_) write_record(out, device, record);
  out.EndArray();
  out.Key("gates");
  out.StartArray();
  for (const GateRecord& gate : gates_) {
    out.StartObject();
    out.Key("gate");
    out.String(gate.gate);
    out.Key("steps");
    out.Int64(gate.steps);
    out.Key("next_ns");
    out.Int64(nanoseconds(gate.next_look));
    out.Key("questions");
    out.Int64(gate.questions);
    out.Key("next_question_ns");
    out.Int64(nanoseconds(gate.next_question));
    out.Key("named_ns");
    out.Int64(nanoseconds(gate.named));
    out.EndObject();
  }
  out.EndArray();
  out.EndObject();
  return {buffer.GetString(), buffer.GetSize()};
}

}  // namespace hubward::platform
