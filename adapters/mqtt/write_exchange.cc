#include "adapters/mqtt/write_exchange.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace hubward::mqtt {
namespace {

using Outcome = WriteResult::Outcome;

std::string json_of(const TagValue& value) {
  rapidjson::StringBuffer buffer;
  json::Writer writer(buffer);
  std::visit(
      [&writer](const auto& one) {
        using T = std::decay_t<decltype(one)>;
        if constexpr (std::is_same_v<T, bool>) {
          writer.Bool(one);
        } else if constexpr (std::is_same_v<T, std::int64_t>) {
          writer.Int64(one);
        } else if constexpr (std::is_same_v<T, std::uint64_t>) {
          writer.Uint64(one);
        } else if constexpr (std::is_same_v<T, double>) {
          writer.Double(one);
        } else {
          writer.String(one);
        }
      },
      value);
  return buffer.GetString();
}

std::optional<double> number_of(const TagValue& value) {
  return std::visit(
      [](const auto& one) -> std::optional<double> {
        if constexpr (std::is_arithmetic_v<std::decay_t<decltype(one)>>) {
          return static_cast<double>(one);
        } else {
          return std::nullopt;
        }
      },
      value);
}

bool says_nothing(const json::Value* error) {
  return error == nullptr || error->IsNull() || error->IsFalse() ||
         (error->IsNumber() && error->GetDouble() == 0) ||
         (error->IsString() && error->GetStringLength() == 0);
}

const json::Value* find(const std::string& pointer, const json::Value& root) {
  const auto place = JsonPlace::parse(pointer);  // checked when the configuration was read
  return place ? place->in(root) : nullptr;
}

WriteResult unknown(std::string detail) {
  return {Outcome::Unknown, ErrorCode::WriteOutcomeUnknown, std::move(detail), {}};
}

}  // namespace

// Between the quotes of a payload a text that holds a quote must not end them and add members of
// its own to the message.
std::string fill_in(std::string_view text, const TagValue& value, const std::string& id) {
  const auto* const plain = std::get_if<std::string>(&value);
  const std::string as_json = json_of(value);
  const std::string in_quotes = plain != nullptr ? as_json.substr(1, as_json.size() - 2) : as_json;
  std::string filled;
  bool quoted = false, escaped = false;
  while (!text.empty()) {
    const auto take = [&](std::string_view name, const std::string& with) {
      if (!text.starts_with(name)) return false;
      filled += with;
      text.remove_prefix(name.size());
      return true;
    };
    if (take("{value}", as_json) ||
        take("{text}", quoted || plain == nullptr ? in_quotes : *plain) || take("{id}", id)) {
      continue;
    }
    if (text.front() == '"' && !escaped) quoted = !quoted;
    escaped = text.front() == '\\' && !escaped;
    filled += text.front();
    text.remove_prefix(1);
  }
  return filled;
}

bool is_same_value(const TagValue& one, const TagValue& other) {
  const auto first = number_of(one);
  const auto second = number_of(other);
  if (!first || !second) return one == other;
  return std::abs(*first - *second) <= 1e-9 * std::max(std::abs(*first), std::abs(*second));
}

std::optional<WriteExchange::Begun> WriteExchange::begin(const DeviceSettings& device,
                                                         const TagSettings& tag,
                                                         WriteRequest request, WriteDone done,
                                                         SteadyTime now, WallTime wall) {
  if (now >= request.deadline) {
    done({Outcome::Expired, ErrorCode::CommandExpired, "its time was over", {}});
    return std::nullopt;
  }
  if (waiting_.size() >= kWaitingMax) {
    done({Outcome::Refused, ErrorCode::LimitExceeded, "too many writes wait for their device", {}});
    return std::nullopt;
  }
  Begun begun;
  // No answer to a write of an earlier run may be taken for one to this.
  begun.id = std::to_string(now.time_since_epoch() / std::chrono::microseconds{1}) + "-" +
             std::to_string(++last_id_);
  begun.topic = tag.write->topic;
  begun.payload = fill_in(tag.write->payload, request.value, begun.id);
  waiting_.emplace(begun.id, Waiting{&device, std::move(request), std::move(done),
                                     now + device.answer_timeout, wall});
  return begun;
}

void WriteExchange::on_published(const std::string& id, const Status& taken, bool was_sent) {
  const auto found = waiting_.find(id);
  if (taken || found == waiting_.end()) return;
  if (was_sent) return finish(found, unknown(taken.error().context));
  finish(found, {Outcome::Refused, taken.error().code, taken.error().context, {}});
}

bool WriteExchange::on_answer(const DeviceSettings& device, std::string_view payload) {
  const auto document = json::parse(payload);
  if (!document) return false;
  const json::Value* const id = find(device.answer->id_pointer, *document);
  if (id == nullptr) return false;
  const auto found = waiting_.find(text_of(*id));
  if (found == waiting_.end() || found->second.device != &device) return false;
  const json::Value* const error = find(device.answer->error_pointer, *document);
  if (says_nothing(error)) {
    finish(found, {Outcome::Written, {}, {}, {}});
  } else {
    finish(found, {Outcome::Refused,
                   ErrorCode::WriteRefused,
                   "the device says: " + text_of(*error).substr(0, 200),
                   {}});
  }
  return true;
}

void WriteExchange::on_readings(DeviceIndex device, const std::vector<TagReading>& readings,
                                std::optional<WallTime> measured) {
  for (auto write = waiting_.begin(); write != waiting_.end();) {
    const auto next = std::next(write);
    const Waiting& waiting = write->second;
    const bool is_older = measured && *measured < waiting.begun - kDeviceClockSlack;
    if (waiting.device->device == device && !waiting.device->answer && !is_older) {
      for (const TagReading& reading : readings) {
        if (reading.tag != waiting.request.tag || reading.quality != Quality::Good) continue;
        if (!is_same_value(reading.value, waiting.request.value)) continue;
        finish(write, {Outcome::Written, {}, {}, reading.value});
        break;
      }
    }
    write = next;
  }
}

void WriteExchange::on_timer(SteadyTime now) {
  for (auto write = waiting_.begin(); write != waiting_.end();) {
    const auto next = std::next(write);
    if (now >= write->second.until) {
      finish(write,
             unknown(write->second.device->answer ? "the device did not answer"
                                                  : "the device was not heard with the new value"));
    }
    write = next;
  }
}

std::optional<SteadyTime> WriteExchange::deadline() const {
  std::optional<SteadyTime> first;
  for (const auto& [id, write] : waiting_) {
    if (!first || write.until < *first) first = write.until;
  }
  return first;
}

void WriteExchange::stop() {
  while (!waiting_.empty()) finish(waiting_.begin(), unknown("hubward was stopped"));
}

void WriteExchange::finish(Writes::iterator write, WriteResult result) {
  const auto node = waiting_.extract(write);
  node.mapped().done(std::move(result));
}

}  // namespace hubward::mqtt
