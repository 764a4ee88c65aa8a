// What comes on a serial line: whose it is, and what it says.
#include <algorithm>
#include <utility>

#include "adapters/serial/serial_adapter.h"

namespace hubward::serial {
namespace {

using Outcome = WriteResult::Outcome;

bool matches(LinePattern* pattern, std::string_view content) {
  if (pattern == nullptr) return false;
  const auto matched = pattern->match(content);
  return matched && *matched;
}

}  // namespace

std::optional<std::size_t> SerialAdapter::listener() {
  if (exchange_) return exchange_->device;
  if (devices_.size() == 1) return 0;
  return late_.latest(loop_.clock().steady());
}

void SerialAdapter::on_bytes(std::span<const std::byte> bytes) {
  const SteadyTime now = loop_.clock().steady();
  const bool joins = !last_bytes_ && now - opened_at_ < kJoinSilence;
  last_bytes_ = now;
  if (exchange_) exchange_->bytes += bytes.size();
  const auto place = listener();
  if (!place) {
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    return report_bad(std::nullopt, ErrorCode::UnexpectedAnswer, text);
  }
  Framer& framer = devices_[*place]->framer();
  if (joins && devices_[*place]->settings().requests.empty()) framer.join();
  is_reading_ = true;
  framer.feed(now, bytes, frame_sink(*place));
  is_reading_ = false;
  wait_for_silence(*place);
  go_on();
}

void SerialAdapter::wait_for_silence(std::size_t place) {
  loop_.cancel(std::exchange(silence_, {}));
  const auto due = devices_[place]->framer().silence_due();
  if (!due || sink_ == nullptr) return;
  silence_ = loop_.call_at(*due, [this, place] {
    is_reading_ = true;
    devices_[place]->framer().on_silence(loop_.clock().steady(), frame_sink(place));
    is_reading_ = false;
    go_on();
  });
}

Framer::Sink SerialAdapter::frame_sink(std::size_t place) {
  return {[this, place](const Frame& frame) { take_frame(place, frame); },
          [this, place](ErrorCode code, std::string_view beginning) {
            report_bad(devices_[place]->settings().device, code, beginning);
          }};
}

void SerialAdapter::take_frame(std::size_t place, const Frame& frame) {
  // Many devices send CR LF LF, or a blank line.
  if (frame.content.empty() || sink_ == nullptr) return;
  if (judge_answer(place, frame.content)) return;
  const bool polled = exchange_ && exchange_->device == place && !exchange_->command;
  if (!exchange_ && devices_.size() > 1) return take_late(place, frame.content);
  if (!polled && answers_look_alike(place)) {
    // It does not answer the command; whose word it is nobody knows.
    return report_bad(devices_[place]->settings().device, ErrorCode::UnexpectedAnswer,
                      frame.content);
  }
  auto readings = devices_[place]->extractor().extract(
      frame.content, polled ? std::optional(exchange_->request) : std::nullopt);
  if (!readings) {
    return report_bad(devices_[place]->settings().device, readings.error().code, frame.content);
  }
  if (polled) return take_poll_answer(place, std::move(*readings), frame.content);
  const Clock& clock = loop_.clock();
  take_readings(place, std::move(*readings), clock.wall(), clock.steady());
}

// On a line with several devices, of this one.
bool SerialAdapter::answers_look_alike(std::size_t place) const {
  return devices_.size() > 1 && !devices_[place]->settings().answers_name_it;
}

void SerialAdapter::take_poll_answer(std::size_t place, std::vector<TagReading> readings,
                                     std::string_view content) {
  const Clock& clock = loop_.clock();
  const SteadyTime now = clock.steady();
  if (exchange_->held) {
    // One of the two is somebody's late one, and nothing says which: none counts, and the device is
    // asked again.
    const DeviceIndex device = devices_[place]->settings().device;
    report_bad(device, ErrorCode::UnexpectedAnswer, exchange_->held->content);
    report_bad(device, ErrorCode::UnexpectedAnswer, content);
    late_came(now);
    return end_exchange();
  }
  if (!answers_look_alike(place) || !late_.any(now)) {
    note_answer(now);
    end_exchange();
    return take_readings(place, std::move(readings), clock.wall(), now);
  }
  // It may be a late one. Then the device's own comes as well, as long as it takes.
  exchange_->held = Held{std::move(readings),
                         std::string(content),
                         clock.wall(),
                         now,
                         late_.by_others(place, now),
                         false};
  if (late_.any_of_living(now) || slowest_answer_.count() == 0) return;  // its whole time
  loop_.cancel(next_);
  const SteadyTime until = exchange_->asked + slowest_answer_ + kBeyondSlowest;
  next_ = loop_.call_at(std::max(until, now), [this] { give_up_waiting(); });
}

// `came`: when; it may have been believed later.
void SerialAdapter::note_answer(SteadyTime came) {
  const PollSchedule::Place place{exchange_->device, exchange_->request};
  const auto took = came - exchange_->asked;
  slowest_answer_ = std::max(slowest_answer_, took);
  schedule_.answered(place, loop_.clock().steady());
  account_.answered(place, took, byte_time_ * static_cast<std::int64_t>(exchange_->bytes));
}

bool SerialAdapter::answered_last_time(std::size_t place) const {
  const auto& reported = devices_[place]->reported;
  return schedule_.misses(place) == 0 && reported && reported->link == FieldState::Link::Up;
}

// Its time is over, and no second one came. If the device was silent, that was another's late one.
void SerialAdapter::take_held() {
  const std::size_t place = exchange_->device;
  Held held = std::move(*exchange_->held);
  AnswerRow row = std::move(exchange_->row);
  const auto verdict = row.came_alone(held.content, held.owed, answered_last_time(place));
  if (verdict == AnswerRow::Verdict::AskAgain) {
    const PollSchedule::Place again{place, exchange_->request};
    end_exchange();
    return ask(again, loop_.clock().steady(), std::move(row));
  }
  note_answer(held.at_steady);
  end_exchange();
  if (verdict == AnswerRow::Verdict::Believed) {
    take_readings(place, std::move(held.readings), held.at, held.at_steady);
  } else {
    report_bad(devices_[place]->settings().device, ErrorCode::UnexpectedAnswer, held.content);
  }
  go_on();
}

// Nobody was asked. What is awaited from now on is one less.
void SerialAdapter::take_late(std::size_t place, std::string_view content) {
  report_bad(devices_[place]->settings().device, ErrorCode::UnexpectedAnswer, content);
  const auto readings = devices_[place]->extractor().extract(content);
  if (!readings) return;
  late_came(loop_.clock().steady());
}

bool SerialAdapter::judge_answer(std::size_t place, std::string_view content) {
  if (!exchange_ || !exchange_->command || exchange_->device != place) return false;
  const std::string said = "\"" + extract::printable_text(content.substr(0, 64)) + "\"";
  WriteResult result;
  if (matches(exchange_->command->refused, content)) {
    result = {.outcome = Outcome::Refused,
              .code = ErrorCode::WriteRefused,
              .detail = "the device answered " + said,
              .read_back = {}};
  } else if (matches(exchange_->command->confirmed, content)) {
    result = {.outcome = Outcome::Written, .code = {}, .detail = said, .read_back = {}};
  } else {
    return false;
  }
  report_state(*devices_[place], FieldState::Link::Up, {}, source_);
  finish_write(std::move(result));
  return true;
}

void SerialAdapter::late_came(SteadyTime now) {
  late_.came();
  if (late_.any(now)) return;
  quiet_until_ = quiet_for_command_until_;
  if (!exchange_ && now >= quiet_until_) account_.end(now);
  // One that names itself was left alone for its own answers' sake, none of which has come.
  for (std::size_t place = 0; place < devices_.size(); ++place) {
    if (answers_look_alike(place)) schedule_.end_extra_pause(place);
  }
}

void SerialAdapter::take_readings(std::size_t place, std::vector<TagReading> readings, WallTime at,
                                  SteadyTime at_steady) {
  LineDevice& device = *devices_[place];
  report_state(device, FieldState::Link::Up, {}, source_);
  if (sink_ == nullptr || readings.empty()) return;
  sink_->deliver({.device = device.settings().device,
                  .at = at,
                  .at_steady = at_steady,
                  .readings = std::move(readings)},
                 {});
}

}  // namespace hubward::serial
