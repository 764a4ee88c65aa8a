// What people ask a bus by itself: the part of BusAdapter that is AsksLine. When it goes over the
// line is BusSchedule's to decide (bus_asks.cc).
#include <algorithm>
#include <utility>

#include "adapters/modbus/bus_adapter.h"
#include "proto/modbus/written_by.h"

namespace hubward::modbus {

std::string BusAdapter::line_speed() const {
  const auto* line = std::get_if<SerialSettings>(&settings_.attachment);
  if (line == nullptr) return {};
  const char* parity = line->parity == Parity::None  ? "none"
                       : line->parity == Parity::Odd ? "odd"
                                                     : "even";
  return std::to_string(line->baud) + " baud, parity " + parity;
}

std::optional<std::uint8_t> BusAdapter::unit_of(DeviceIndex device) const {
  for (const DeviceSettings& one : settings_.devices) {
    if (one.device == device) return one.unit_id;
  }
  return std::nullopt;
}

std::vector<LineTag> BusAdapter::tags_written_by(const LineAsk& ask) const {
  std::vector<LineTag> touched;
  const auto request = parse_request(ask.request);
  const auto written = request ? written_by(*request) : std::nullopt;
  if (!written) return touched;
  for (const DeviceSettings& device : settings_.devices) {
    if (device.unit_id != ask.unit && !is_everybody(ask.unit)) continue;
    for (const TagSettings& tag : device.tags) {
      if (written->overlaps({tag.table, tag.address, width(tag)})) {
        touched.push_back({device.device, tag.tag});
      }
    }
  }
  return touched;
}

std::string BusAdapter::words_for_answer(std::span<const std::byte> answer) const {
  constexpr std::byte kException{0x80};
  if (answer.empty()) return "sent to all units, nobody confirms it";
  if (answer.size() != 2 || (answer[0] & kException) == std::byte{0}) return "answered";
  return describe(static_cast<ExceptionCode>(answer[1]));
}

void BusAdapter::ask(LineAsks asks, LineAnswered done) {
  const auto refuse = [&](ErrorCode code, std::string why) {
    done(std::vector<LineAnswer>(asks.asks.size(),
                                 failure(code, ErrorKind::Transient, std::move(why))));
  };
  if (sink_ == nullptr) return refuse(ErrorCode::Stopped, "hubward is stopping");
  if (calls_.size() >= kCallsMax || asks.asks.size() > kAsksMax) {
    return refuse(ErrorCode::LimitExceeded, "too many requests wait for " + place_);
  }
  if (asks.asks.empty()) return done({});
  asks.answer_time = std::min(asks.answer_time, std::max(kAskedAnswerMax, longest_timeout()));
  const std::uint64_t number = ++last_call_;
  calls_.emplace(number, Call{std::move(asks), std::move(done), {}});
  // Later, so that `done` runs from the loop.
  loop_.post([this, number, alive = alive_] {
    if (!*alive) return;
    ask_next(number);
    if (sink_ == nullptr) run_effects();  // stopped in between
    pump();
  });
}

// Hands the next one to the schedule, or the answers to the caller.
void BusAdapter::ask_next(std::uint64_t number) {
  while (true) {
    const auto found = calls_.find(number);
    if (found == calls_.end()) return;
    Call& call = found->second;
    if (call.answers.size() == call.asks.asks.size()) {
      auto node = calls_.extract(found);
      return node.mapped().done(std::move(node.mapped().answers));
    }
    const LineAsk& ask = call.asks.asks[call.answers.size()];
    const auto refuse = [&](ErrorCode code, std::string why) {
      call.answers.push_back(failure(code, ErrorKind::Permanent, std::move(why)));
    };
    auto request = parse_request(ask.request);
    const bool serial = timing_of(settings_.attachment).serial.has_value();
    if (!request) {
      call.answers.push_back(tl::unexpected(request.error()));
    } else if (!is_read(*request) && !call.asks.may_write) {
      refuse(ErrorCode::NotWritable, "only reads were allowed");
    } else if (!is_read(*request) && call.writes_withdrawn) {
      refuse(ErrorCode::WritesPaused, "maintenance began; not written");
    } else if (serial && ask.unit > kLineUnitMax) {
      refuse(ErrorCode::Malformed, "a unit on a serial line has an id from 1 to 247");
    } else if (is_everybody(ask.unit) && !may_be_broadcast(*request)) {
      refuse(ErrorCode::Malformed, "unit 0 is all units of the line: none of them would answer");
    } else {
      schedule_->on_ask(
          {AskId{number}, ask.unit, std::move(*request), call.asks.answer_time, call.asks.deadline},
          now().steady);
      return;
    }
  }
}

void BusAdapter::ask_finished(AskId id, const Result<Answer>& answer) {
  const auto found = calls_.find(id.value);
  if (found == calls_.end()) return;
  Call& call = found->second;
  const LineAsk& ask = call.asks.asks[call.answers.size()];
  if (answer && is_everybody(ask.unit)) {
    call.answers.emplace_back(std::vector<std::byte>{});
  } else if (answer) {
    call.answers.push_back(encode_answer(*parse_request(ask.request), *answer));
  } else {
    call.answers.push_back(tl::unexpected(answer.error()));
  }
  ask_next(id.value);
}

}  // namespace hubward::modbus
