#include "adapters/modbus/tcp_wire.h"

#include <algorithm>

#include "gateway/api/southbound.h"

namespace hubward::modbus {
namespace {

std::vector<std::byte> sample_of(std::span<const std::byte> bytes) {
  bytes = bytes.first(std::min(bytes.size(), BadInput::kSampleBytesMax));
  return {bytes.begin(), bytes.end()};
}

}  // namespace

void TcpWire::on_open(SteadyTime) {
  reader_.reset();
  open_.clear();
  given_up_.clear();
}

std::vector<std::byte> TcpWire::begin(Ticket ticket, std::uint8_t unit, const Request& request,
                                      SteadyTime) {
  ++last_transaction_;
  open_.push_back({last_transaction_, ticket, unit, request});
  return encode_tcp(last_transaction_, unit,
                    encode_request(request).value_or(std::vector<std::byte>{}));
}

std::vector<WireEvent> TcpWire::on_bytes(std::span<const std::byte> bytes, SteadyTime) {
  std::vector<WireEvent> events;
  reader_.push(bytes);
  for (;;) {
    auto frame = reader_.next();
    if (!frame) {
      events.emplace_back(StreamUseless{sample_of(reader_.rest())});
      return events;
    }
    if (!*frame) return events;
    events.push_back(match(std::move(**frame)));
  }
}

WireEvent TcpWire::match(TcpFrame frame) {
  const auto asked = std::ranges::find(open_, frame.transaction, &Open::transaction);
  const auto sample = [&] {
    return sample_of(encode_tcp(frame.transaction, frame.unit, frame.pdu));
  };
  if (asked == open_.end()) {
    if (auto late = match_given_up(frame)) return *late;
    auto whole = sample();
    return Stray{frame.unit, std::move(frame.pdu), ErrorCode::UnexpectedAnswer, std::move(whole)};
  }
  const Open open = std::move(*asked);
  open_.erase(asked);
  if (frame.unit != open.unit) {
    return Spoiled{open.ticket, open.unit, ErrorCode::UnexpectedAnswer, sample()};
  }
  auto answer = parse_answer(open.request, frame.pdu);
  if (!answer) return Spoiled{open.ticket, open.unit, answer.error().code, sample()};
  return Answered{open.ticket, std::move(*answer)};
}

std::optional<LateAnswer> TcpWire::match_given_up(const TcpFrame& frame) {
  const auto asked = std::ranges::find(given_up_, frame.transaction, &Open::transaction);
  if (asked == given_up_.end() || frame.unit != asked->unit) return std::nullopt;
  const auto answer = parse_answer(asked->request, frame.pdu);
  if (!answer) return std::nullopt;
  given_up_.erase(asked);
  const auto* exception = std::get_if<ExceptionAnswer>(&*answer);
  return LateAnswer{frame.unit, exception != nullptr && is_silence_behind_gateway(exception->code)};
}

std::vector<WireEvent> TcpWire::abandon(const GivenUp& given_up, SteadyTime) {
  const auto open = std::ranges::find(open_, given_up.ticket, &Open::ticket);
  if (open == open_.end()) return {};
  if (given_up.early) {
    given_up_.push_back(std::move(*open));
    if (given_up_.size() > kGivenUpMax) given_up_.pop_front();
  }
  open_.erase(open);
  return {};
}

}  // namespace hubward::modbus
