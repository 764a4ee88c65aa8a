#include "adapters/modbus/exchanges.h"

#include <algorithm>
#include <utility>

#include "adapters/modbus/attached_wire.h"

namespace hubward::modbus {

Exchanges::Exchanges(Attachment attachment, StreamOpener& streams, Loop& loop,
                     std::chrono::milliseconds response_timeout)
    : attachment_(std::move(attachment)),
      streams_(streams),
      loop_(loop),
      response_timeout_(response_timeout) {}

Exchanges::~Exchanges() { loop_.cancel(timer_); }

void Exchanges::run(std::vector<Ask> asks, Done done, Heard heard) {
  asks_ = std::move(asks);
  done_ = std::move(done);
  heard_ = std::move(heard);
  serial_ = timing_of(attachment_).serial;
  open();
}

void Exchanges::open() {
  useless_ = false;
  auto [wire, stream] = wire_to(attachment_, response_timeout_, streams_, *this, loop_);
  wire_ = std::move(wire);
  stream_ = std::move(stream);
  stream_->open(kOpenTimeout);
}

void Exchanges::on_open() {
  wire_->on_open(loop_.clock().steady());
  ask_next();
}

void Exchanges::on_closed(Error why) { finish(why); }

void Exchanges::wait_until(SteadyTime at, std::function<void()> work) {
  loop_.cancel(timer_);
  timer_ = loop_.call_at(at, std::move(work));
}

void Exchanges::ask_next() {
  const SteadyTime now = loop_.clock().steady();
  if (answers_.size() == asks_.size()) return finish({});
  if (useless_) return open();
  if (wire_->is_never_quiet(now)) {
    return finish({ErrorCode::BadFrame, ErrorKind::Transient,
                   "the line is never quiet: noise, a second master or a wrong baud rate"});
  }
  if (wire_->ready_at() > now) return wait_until(wire_->ready_at(), [this] { ask_next(); });
  const Ask& ask = asks_[answers_.size()];
  if (serial_) stream_->discard_input();
  const Ticket ticket{answers_.size() + 1};
  const auto frame = wire_->begin(ticket, ask.unit, ask.request, now);
  stream_->write(frame);
  waiting_ = true;
  if (serial_ && ask.unit == kBroadcastUnit) {
    const auto passed = serial_->time_for(frame.size()) + kTurnaroundDelay;
    return wait_until(now + passed, [this, ticket] {
      const SteadyTime over = loop_.clock().steady();
      for (const WireEvent& event : wire_->abandon({ticket, false}, over)) handle(event);
      answered(SentToAll{});
    });
  }
  auto patience = std::chrono::nanoseconds(response_timeout_);
  if (std::holds_alternative<ReadIdentification>(ask.request)) {
    patience = std::max<std::chrono::nanoseconds>(patience, kIdentificationTimeMin);
  }
  if (serial_) patience += serial_->time_for(frame.size() + answer_bytes(ask.request));
  wait_until(now + patience, [this, ticket] {
    const SteadyTime late = loop_.clock().steady();
    for (const WireEvent& event : wire_->abandon({ticket, false}, late)) handle(event);
    answered(failure(ErrorCode::NoAnswer, ErrorKind::Transient, "no answer"));
  });
}

void Exchanges::on_bytes(std::span<const std::byte> bytes) {
  for (const WireEvent& event : wire_->on_bytes(bytes, loop_.clock().steady())) handle(event);
}

void Exchanges::handle(const WireEvent& event) {
  if (const auto* answer = std::get_if<Answered>(&event)) {
    // Nobody has shown yet whether this line repeats our own bytes to us.
    if (answer->may_be_echo) {
      return answered(failure(ErrorCode::UnexpectedAnswer, ErrorKind::Transient,
                              "the line may have repeated our own request to us"));
    }
    answered(answer->answer);
  } else if (const auto* spoiled = std::get_if<Spoiled>(&event)) {
    answered(failure(spoiled->code, ErrorKind::Corrupt, "the answer was damaged"));
  } else if (std::holds_alternative<StreamUseless>(event)) {
    useless_ = true;
    answered(failure(ErrorCode::BadFrame, ErrorKind::Corrupt, "what answers is not Modbus TCP"));
  }
}

void Exchanges::answered(Result<Answer> answer) {
  if (!std::exchange(waiting_, false)) return;
  const Ask asked = asks_[answers_.size()];
  answers_.push_back(std::move(answer));
  if (auto next = heard_ ? heard_(asked, answers_.back()) : std::nullopt) {
    asks_.insert(asks_.begin() + static_cast<std::ptrdiff_t>(answers_.size()), std::move(*next));
  }
  // Later, because this runs inside the wire's events.
  wait_until(loop_.clock().steady(), [this] { ask_next(); });
}

void Exchanges::finish(const Error& why) {
  loop_.cancel(timer_);
  while (answers_.size() < asks_.size()) answers_.push_back(tl::unexpected(why));
  if (const Done done = std::exchange(done_, nullptr)) done(std::move(answers_));
}

}  // namespace hubward::modbus
