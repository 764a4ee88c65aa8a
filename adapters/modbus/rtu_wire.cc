#include "adapters/modbus/rtu_wire.h"

#include <algorithm>
#include <utility>

#include "gateway/api/southbound.h"

namespace hubward::modbus {
namespace {

static_assert(kRtuFrameBytesMax <= BadInput::kSampleBytesMax);

std::vector<std::byte> copy(std::span<const std::byte> bytes) {
  bytes = bytes.first(std::min(bytes.size(), BadInput::kSampleBytesMax));
  return {bytes.begin(), bytes.end()};
}

bool confirms_by_repeating(const Request& request) {
  return std::holds_alternative<WriteCoil>(request) ||
         std::holds_alternative<WriteRegister>(request) ||
         std::holds_alternative<MaskWrite>(request);
}

}  // namespace

RtuWire::RtuWire(const RtuTiming& timing, std::chrono::milliseconds open_silence)
    : timing_(timing), open_silence_(open_silence) {}

void RtuWire::on_open(SteadyTime now) {
  reader_.reset();
  held_.clear();
  open_.reset();
  echo_ = Echo::NotKnown;
  last_byte_ = now;
  silence_ = std::max<std::chrono::nanoseconds>(open_silence_, kResyncSilence);
  unquiet_since_ = now + open_silence_;
}

std::vector<std::byte> RtuWire::begin(Ticket ticket, std::uint8_t unit, const Request& request,
                                      SteadyTime now) {
  reader_.reset();
  held_.clear();
  noise_reported_ = false;
  unquiet_since_.reset();
  auto frame = encode_rtu(unit, encode_request(request).value_or(std::vector<std::byte>{}));
  last_byte_ = now + timing_.time_for(frame.size());
  silence_ = timing_.t3_5;
  open_ = Open{ticket, unit, request, frame};
  open_->is_broadcast = unit == kBroadcastUnit;
  return frame;
}

std::vector<WireEvent> RtuWire::on_bytes(std::span<const std::byte> bytes, SteadyTime now) {
  std::vector<WireEvent> events;
  if (!open_ && now - last_byte_ >= kResyncSilence) {  // a new burst on an idle line
    reader_.reset();
    noise_reported_ = false;
  }
  if (!open_ && now >= ready_at()) unquiet_since_.reset();  // there was silence enough
  last_byte_ = now;
  if (!open_) need_long_silence();
  if (open_ && !open_->echo_seen && !open_->echo_ruled_out && echo_ != Echo::No) {
    if (hold_echo(bytes, events)) return events;
    bytes = held_;
  }
  reader_.push(bytes);
  take_frames(events);
  return events;
}

bool RtuWire::hold_echo(std::span<const std::byte> bytes, std::vector<WireEvent>& events) {
  held_.insert(held_.end(), bytes.begin(), bytes.end());
  const auto begin = std::ranges::find_if_not(
      held_, [](std::byte byte) { return byte == std::byte{0x00} || byte == std::byte{0xFF}; });
  held_.erase(held_.begin(), begin);
  // The first byte of a broadcast was skipped with them.
  const auto frame = std::span(open_->frame).subspan(open_->is_broadcast ? 1 : 0);
  const std::size_t compared = std::min(held_.size(), frame.size());
  if (!std::equal(held_.begin(), held_.begin() + static_cast<std::ptrdiff_t>(compared),
                  frame.begin())) {
    open_->echo_ruled_out = true;
    return false;
  }
  if (held_.size() < frame.size()) return true;
  held_.erase(held_.begin(), held_.begin() + static_cast<std::ptrdiff_t>(frame.size()));
  if (!open_->is_broadcast && confirms_by_repeating(open_->request) && echo_ == Echo::NotKnown) {
    answered(WriteAnswer{}, true, events);
    return false;
  }
  open_->echo_seen = true;
  return false;
}

void RtuWire::take_frames(std::vector<WireEvent>& events) {
  for (;;) {
    auto frame = reader_.next();
    if (frame && !*frame) return;
    if (frame) {
      match(std::move(**frame), events);
      continue;
    }
    need_long_silence();
    if (open_ && !open_->is_broadcast) {
      events.emplace_back(
          Spoiled{open_->ticket, open_->unit, ErrorCode::BadFrame, copy(reader_.rest())});
      open_.reset();
    } else if (!noise_reported_) {
      events.emplace_back(Stray{std::nullopt, {}, ErrorCode::BadFrame, copy(reader_.rest())});
    }
    noise_reported_ = true;
    return;
  }
}

void RtuWire::match(RtuFrame frame, std::vector<WireEvent>& events) {
  if (open_ && !open_->is_broadcast && frame.unit == open_->unit) {
    if (auto answer = parse_answer(open_->request, frame.pdu)) {
      if (echo_ == Echo::NotKnown) echo_ = open_->echo_seen ? Echo::Yes : Echo::No;
      answered(std::move(*answer), false, events);
      return;
    }
  }
  need_long_silence();
  auto sample = encode_rtu(frame.unit, frame.pdu);
  events.emplace_back(
      Stray{frame.unit, std::move(frame.pdu), ErrorCode::UnexpectedAnswer, std::move(sample)});
}

void RtuWire::answered(Answer answer, bool may_be_echo, std::vector<WireEvent>& events) {
  if (may_be_echo) need_long_silence();  // the true answer may follow
  events.emplace_back(Answered{open_->ticket, std::move(answer), may_be_echo});
  open_.reset();
}

// Where nothing was heard the line has been silent since our own request, and the next one may go
// out at once. Half an answer may go on.
std::vector<WireEvent> RtuWire::abandon(const GivenUp&, SteadyTime now) {
  std::vector<WireEvent> events;
  if (hears_answer()) {
    const auto rest = reader_.inside_frame() ? reader_.rest() : std::span<const std::byte>(held_);
    events.emplace_back(Stray{std::nullopt, {}, ErrorCode::BadFrame, copy(rest)});
    last_byte_ = std::max(last_byte_, now);
    need_long_silence();
  }
  open_.reset();
  held_.clear();
  return events;
}

bool RtuWire::hears_answer() const { return open_ && (reader_.inside_frame() || !held_.empty()); }

bool RtuWire::is_never_quiet(SteadyTime now) const {
  return !open_ && unquiet_since_ && now - *unquiet_since_ >= kNeverQuiet && now < ready_at();
}

void RtuWire::need_long_silence() {
  silence_ = std::max(silence_, std::max<std::chrono::nanoseconds>(kResyncSilence, timing_.t3_5));
  if (!unquiet_since_) unquiet_since_ = last_byte_;
}

}  // namespace hubward::modbus
