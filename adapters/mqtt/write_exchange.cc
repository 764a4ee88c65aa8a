#include "adapters/mqtt/write_exchange.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "proto/utf8.h"

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

// A device may send any bytes, and JSON for the cloud takes text only.
std::string quoted(std::string_view words) {
  constexpr std::size_t kWordsBytesMax = 200;
  return quoted_text(words, kWordsBytesMax);
}

WriteResult refused(std::string_view words) {
  return {Outcome::Refused, ErrorCode::WriteRefused, "the device says: " + quoted(words), {}};
}

WriteResult judge(const AnswerSettings& answer, const json::Value& document) {
  const json::Value* const error = find(answer.error_pointer, document);
  if (says_nothing(error)) return {Outcome::Written, {}, {}, {}};
  return refused(text_of(*error));
}

// An empty answer says that it was done, and no more. What other words mean only the configuration
// knows: never done by default.
WriteResult judge(const AnswerSettings& answer, std::string_view words) {
  const bool is_done =
      std::find(answer.done.begin(), answer.done.end(), words) != answer.done.end();
  if (is_done || (words.empty() && answer.done.empty())) return {Outcome::Written, {}, {}, {}};
  if (words.empty()) return unknown("the device answered without a word");
  if (!answer.done.empty()) return refused(words);
  return unknown("the device answered what the configuration does not explain: " + quoted(words));
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
  begun.publish = {.topic = tag.write->topic,
                   .payload = fill_in(tag.write->payload, request.value, begun.id)};
  if (device.answer && !device.answer->response_topic.empty()) {
    begun.publish.response_topic = device.answer->response_topic;
    begun.publish.correlation = begun.id;
  }
  // A device that is away now shall not find an old command at the broker when it comes back.
  // One that waits in vain until the broker takes it is known not to be sent before that time ends,
  // lest it pass for one that was not answered.
  begun.publish.expires_after =
      std::max(std::chrono::floor<std::chrono::milliseconds>(
                   std::min<SteadyTime::duration>(device.answer_timeout, request.deadline - now)) -
                   kNotSentKnownBefore,
               std::chrono::milliseconds{1});
  waiting_.emplace(begun.id, Waiting{&device, &tag, std::move(request), std::move(done),
                                     now + device.answer_timeout, wall});
  return begun;
}

void WriteExchange::on_published(const std::string& id, const Result<BrokerTook>& taken,
                                 bool was_sent) {
  const auto found = waiting_.find(id);
  if (found == waiting_.end()) return;
  if (taken) {
    // Not the end: what stands behind the broker, a bridge or another node, may not be counted.
    found->second.nobody_listens = taken->nobody_listens;
    return;
  }
  if (was_sent) return finish(found, unknown(taken.error().context));
  const ErrorCode code = taken.error().code;
  std::string why = taken.error().context;
  // What it looks like in the broker's rules.
  if (code == ErrorCode::BrokerRefused) why += "; topic " + found->second.tag->write->topic;
  const bool expired = code == ErrorCode::CommandExpired;
  finish(found, {expired ? Outcome::Expired : Outcome::Refused, code, std::move(why), {}});
}

bool WriteExchange::on_answer(const DeviceSettings& device, const BrokerMessage& message) {
  const auto document = json::parse(message.payload);
  auto found = message.correlation.empty() ? waiting_.end() : waiting_.find(message.correlation);
  if (found == waiting_.end() && document) {
    const json::Value* const id = find(device.answer->id_pointer, *document);
    if (id != nullptr) found = waiting_.find(text_of(*id));
  }
  if (found == waiting_.end() || found->second.device != &device) return false;
  finish(found, document && (document->IsObject() || device.answer->error_pointer.empty())
                    ? judge(*device.answer, *document)
                    : judge(*device.answer, message.payload));
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
      const DeviceSettings& device = *write->second.device;
      std::string why = device.answer ? "the device did not answer"
                                      : "the device was not heard with the new value";
      if (write->second.nobody_listens) {
        why += "; the broker said that nobody had subscribed to the topic of the write";
      }
      finish(write, unknown(std::move(why)));
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
