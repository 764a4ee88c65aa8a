#include "gateway/control/line_question.h"

#include <algorithm>
#include <filesystem>
#include <map>
#include <utility>

#include "gateway/api/failure_words.h"
#include "gateway/control/answers.h"
#include "gateway/observe/plain_words.h"
#include "proto/base64.h"

namespace hubward::control {
namespace {

constexpr std::size_t kWhatBytesMax = 200;

// Ports have several names (/dev/serial/by-id/...), host names any case.
bool is_same_place(const std::string& ours, const std::string& asked) {
  if (ours.starts_with('/') && asked.starts_with('/')) {
    std::error_code ignored;  // equivalent() does not compare devices
    return std::filesystem::weakly_canonical(ours, ignored) ==
           std::filesystem::weakly_canonical(asked, ignored);
  }
  return std::ranges::equal(ours, asked, [](char a, char b) {
    const auto lower = [](char c) {
      return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    };
    return lower(a) == lower(b);
  });
}

std::chrono::milliseconds time_in(const json::Value& request, const char* key,
                                  std::chrono::milliseconds most) {
  const auto wanted = json::as_int(json::find(request, key)).value_or(most.count());
  return std::chrono::milliseconds{std::clamp<std::int64_t>(wanted, 1, most.count())};
}

// Nothing: not of this form.
std::optional<std::vector<LineAsk>> asks_in(const json::Value& request) {
  std::vector<LineAsk> asks;
  const json::Value* list = json::find(request, "asks");
  if (list == nullptr) return asks;
  if (!list->IsArray() || list->Size() > AsksLine::kAsksMax) return std::nullopt;
  for (const auto& one : list->GetArray()) {
    const auto unit = json::as_int(json::find(one, "unit"));
    const auto text = json::as_string(json::find(one, "request"));
    if (!unit || *unit < 0 || *unit > 255 || !text) return std::nullopt;
    auto bytes = base64_decode(*text);
    if (!bytes) return std::nullopt;
    asks.push_back({static_cast<std::uint8_t>(*unit), std::move(*bytes)});
  }
  return asks;
}

std::string answers_json(const AsksLine& line, const std::vector<LineAnswer>& answers) {
  rapidjson::StringBuffer buffer;
  json::Writer out(buffer);
  out.StartObject();
  write_text(out, "line", line.line_place());
  write_text(out, "speed", line.line_speed());
  out.Key("answers");
  out.StartArray();
  for (const LineAnswer& answer : answers) {
    out.StartObject();
    if (answer) {
      write_text(out, "answer", base64_encode(*answer));
    } else {
      write_text(out, "code", words_for(answer.error().code).label);
      write_text(out, "detail", observe::shown_text(answer.error().context));
    }
    out.EndObject();
  }
  out.EndArray();
  out.EndObject();
  return {buffer.GetString(), buffer.GetSize()};
}

}  // namespace

LineQuestions::LineQuestions(observe::StatusBoard& board, const std::vector<AsksLine*>& lines,
                             const device::WriteGate& writes, Loop& loop, Log& log)
    : board_(board), lines_(lines), writes_(writes), loop_(loop), log_(log) {}

AsksLine* LineQuestions::line_of(const json::Value& request) const {
  const std::string place(json::as_string(json::find(request, "line")).value_or(""));
  for (AsksLine* line : lines_) {
    if (is_same_place(line->line_place(), place)) return line;
  }
  return nullptr;
}

std::optional<DeviceIndex> LineQuestions::device_at(const AsksLine& line, std::uint8_t unit) const {
  for (std::uint32_t i = 0; i < board_.site().devices.size(); ++i) {
    if (line.unit_of(DeviceIndex{i}) == unit) return DeviceIndex{i};
  }
  return std::nullopt;
}

void LineQuestions::ask(const json::Value& request, const Answer& answer) {
  AsksLine* const line = line_of(request);
  if (line == nullptr) return answer(R"({"no_line":true})");
  auto parsed = asks_in(request);
  if (!parsed) return answer(error_json("the requests are not of the form that they should have"));
  if (parsed->empty()) return answer(answers_json(*line, {}));
  const auto written = json::as_string(json::find(request, "write"));
  if (written && writes_.paused) {
    const LineAnswer refusal = failure(ErrorCode::WritesPaused, ErrorKind::Permanent);
    return answer(answers_json(*line, std::vector<LineAnswer>(parsed->size(), refusal)));
  }
  if (written) {
    if (auto why = listed_tag_in(*line, *parsed); !why.empty()) {
      const LineAnswer refusal =
          failure(ErrorCode::NotWritable, ErrorKind::Permanent, std::move(why));
      return answer(answers_json(*line, std::vector<LineAnswer>(parsed->size(), refusal)));
    }
  }
  LineAsks asks;
  asks.asks = *parsed;
  asks.answer_time = time_in(request, "answer_ms", kAnswerTimeMax);
  asks.deadline = loop_.clock().steady() + time_in(request, "within_ms", kWithinMax);
  asks.may_write = written.has_value();
  const std::string what = written ? observe::shown_text(written->substr(0, kWhatBytesMax)) : "";
  line->ask(std::move(asks), [this, line, answer, what, asked = std::move(*parsed),
                              writes = written.has_value()](std::vector<LineAnswer> answers) {
    if (writes) tell_writes(*line, asked, answers, what);
    answer(answers_json(*line, answers));
  });
}

// Limits, pulses and read-back of a writable tag hold for everybody, whatever configuration the one
// who asks has read.
std::string LineQuestions::listed_tag_in(const AsksLine& line,
                                         const std::vector<LineAsk>& asks) const {
  for (const LineAsk& ask : asks) {
    for (const LineTag& written : line.tags_written_by(ask)) {
      const DeviceDescription& device = board_.site().devices[written.device.value];
      const TagDescription& tag = device.tags[written.tag.value];
      if (!tag.writable) continue;
      return "it belongs to the writable tag " + tag.name + " of " + device.id +
             ", whose limits hold; write the tag";
    }
  }
  return {};
}

// One record for each unit. The reads before and after a write that end as it does say nothing
// more.
void LineQuestions::tell_writes(const AsksLine& line, const std::vector<LineAsk>& asks,
                                const std::vector<LineAnswer>& answers, const std::string& what) {
  std::map<std::uint8_t, std::string> outcomes;
  std::map<std::uint8_t, std::string> latest;
  for (std::size_t i = 0; i < asks.size() && i < answers.size(); ++i) {
    std::string words = answers[i] ? line.words_for_answer(*answers[i])
                                   : std::string(words_for(answers[i].error().code).label);
    if (latest[asks[i].unit] == words) continue;
    std::string& said = outcomes[asks[i].unit];
    said += (said.empty() ? "" : ", then ") + words;
    latest[asks[i].unit] = std::move(words);
  }
  for (const auto& [id, said] : outcomes) {
    const auto device = device_at(line, id);
    const std::string unit = std::to_string(id);
    log_.write(LogLevel::Warn, "plant_write",
               {{"device", device ? board_.site().devices[device->value].id : ""},
                {"line", line.line_place()},
                {"unit", unit},
                {"value", what},
                {"origin", "command line, past the configuration"},
                {"outcome", said}});
    board_.event({loop_.clock().wall(), device, "plant_write",
                  what + " at unit " + unit + " on " + line.line_place() +
                      " by command line, past the configuration: " + said + "."});
  }
}

}  // namespace hubward::control
