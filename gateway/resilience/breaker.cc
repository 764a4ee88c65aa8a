#include "gateway/resilience/breaker.h"

#include <algorithm>

namespace hubward::resilience {
namespace {
// A look that never reports (a defect of ours) must not keep an endpoint closed for ever.
constexpr std::chrono::minutes kLookLost{5};
}  // namespace

Breaker::Breaker(BreakerSettings settings, RandomSource& random)
    : settings_(settings), pauses_(settings.pauses, random) {}

bool Breaker::admits(SteadyTime now) const {
  switch (state_) {
    case State::Closed:
      return true;
    case State::Open:
      return now >= *admits_at();
    case State::Closing:
      return under_way_.size() < attempts_max_;
  }
  return true;
}

std::optional<SteadyTime> Breaker::admits_at() const {
  if (state_ != State::Open) return std::nullopt;
  return under_way_.empty() ? next_look_ : look_began_ + kLookLost;
}

std::optional<SteadyTime> Breaker::next_look() const {
  return state_ == State::Open && under_way_.empty() ? std::optional(next_look_) : std::nullopt;
}

std::optional<SteadyTime> Breaker::open_since() const {
  return state_ == State::Open ? std::optional(open_since_) : std::nullopt;
}

void Breaker::on_attempt(DeviceIndex device, SteadyTime now) {
  close_if_quiet(now);
  if (state_ == State::Open) {
    under_way_.clear();
    look_began_ = now;
  }
  under_way_.insert(device);
}

bool Breaker::on_answer(DeviceIndex device, SteadyTime now) {
  const bool had_failed = state_ == State::Open || failures_ > 0;
  under_way_.erase(device);
  forget_failures();
  if (state_ == State::Open) {
    state_ = State::Closing;
    attempts_max_ = settings_.first_attempts;
    answers_since_ = now;
  } else if (state_ == State::Closing) {
    attempts_max_ *= 2;
    if (attempts_max_ >= settings_.close_at) close();
  }
  return had_failed;
}

void Breaker::on_failure(DeviceIndex device, SteadyTime now, bool certain,
                         std::chrono::milliseconds at_least) {
  const bool looked = under_way_.erase(device) != 0;
  if (state_ == State::Open) {
    // Attempts begun before it opened all end the same way: only a look's end is news.
    if (looked) open(now + pauses_.next(at_least), now);
    // But when the endpoint names a time, it stands.
    named_ = std::max(named_, now + at_least);
    next_look_ = std::max(next_look_, named_);
    return;
  }
  close_if_quiet(now);
  answers_since_ = now;
  ++failures_;
  failed_.insert(device);
  const bool together =
      failures_ >= settings_.failures_to_open && failed_.size() >= settings_.devices_to_open;
  if (!certain && !together) return;
  named_ = std::max(named_, now + at_least);
  open(now + pauses_.next(at_least), now);
}

void Breaker::hasten_look(SteadyTime now) {
  if (state_ == State::Open) next_look_ = std::min(next_look_, std::max(now, named_));
}

void Breaker::forget(DeviceIndex device, SteadyTime now) {
  if (under_way_.erase(device) != 0 && state_ == State::Open)
    next_look_ = std::max(next_look_, now);
}

void Breaker::on_session_lost(DeviceIndex device, SteadyTime now) {
  close_if_quiet(now);
  if (state_ != State::Closed) return;
  if (sessions_lost_.empty() || now - first_lost_ > settings_.same_event) {
    sessions_lost_.clear();
    first_lost_ = now;
  }
  sessions_lost_.insert(device);
  // Somebody looks at once: a hub that closes everybody's connection has mostly moved them, and
  // says so with its next word.
  if (sessions_lost_.size() >= settings_.sessions_to_open) open(now, now);
}

void Breaker::open(SteadyTime next_look, SteadyTime now) {
  if (state_ != State::Open) open_since_ = now;
  // What was under way when it opened is no look.
  under_way_.clear();
  forget_failures();
  state_ = State::Open;
  next_look_ = next_look;
}

void Breaker::close() {
  state_ = State::Closed;
  pauses_.reset();
}

void Breaker::close_if_quiet(SteadyTime now) {
  if (state_ == State::Closing && now - answers_since_ >= settings_.close_after) close();
}

std::optional<Breaker::Memory> Breaker::memory() const {
  if (state_ != State::Open) return std::nullopt;
  if (under_way_.empty()) return Memory{pauses_.steps(), next_look_, named_};
  return Memory{pauses_.steps() + 1, look_began_ + pauses_.ceiling(), named_};
}

void Breaker::reopen(const Memory& memory, SteadyTime now) {
  pauses_.resume(memory.steps);
  named_ = memory.named;
  open(memory.next_look, now);
}

void Breaker::forget_failures() {
  failures_ = 0;
  failed_.clear();
  sessions_lost_.clear();
}

}  // namespace hubward::resilience
