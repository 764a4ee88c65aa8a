// One-off requests of people at the command line: the part of BusSchedule that lets them in between
// the polls.
#include <algorithm>
#include <limits>
#include <utility>

#include "adapters/modbus/bus_schedule.h"

namespace hubward::modbus {
namespace {

constexpr std::size_t kFrameOverheadBytes = 3;  // unit and checksum

// A read of what a request writes, for when something else must be asked first.
ReadRequest read_like(const Request& request) {
  if (const auto* read = std::get_if<ReadRequest>(&request)) return *read;
  if (const auto* coil = std::get_if<WriteCoil>(&request)) return {Table::Coil, coil->address, 1};
  if (const auto* one = std::get_if<WriteRegister>(&request)) {
    return {Table::HoldingRegister, one->address, 1};
  }
  if (const auto* many = std::get_if<WriteRegisters>(&request)) {
    return {Table::HoldingRegister, many->address, 1};
  }
  return {};
}

// Errors of what was never sent differ from those that may leave something written.
Error not_sent(Error why) {
  if (why.code == ErrorCode::PortLost || why.code == ErrorCode::NoAnswer ||
      why.code == ErrorCode::BadFrame) {
    why.code = ErrorCode::PortUnavailable;
  }
  return why;
}

}  // namespace

std::size_t BusSchedule::place_of(std::uint8_t unit_id, SteadyTime now) {
  for (std::size_t i = 0; i < units_.size(); ++i) {
    if (units_[i].settings->unit_id == unit_id) return i;
  }
  DeviceSettings guest;
  guest.device = DeviceIndex{std::numeric_limits<std::uint32_t>::max()};
  guest.unit_id = unit_id;
  for (const Unit& unit : units_) {
    guest.response_timeout = std::max(guest.response_timeout, unit.settings->response_timeout);
  }
  guests_.push_back(std::move(guest));
  units_.emplace_back(guests_.back(), BusTiming{.serial = options_.serial}, now);
  units_.back().is_guest = true;
  return units_.size() - 1;
}

// A guest that still owes an answer is remembered: it could be taken for another's.
void BusSchedule::forget_guests(SteadyTime now) {
  while (units_.size() > device_count_) {
    Unit& last = units_.back();
    const std::size_t place = units_.size() - 1;
    last.late.forget(now);
    const bool is_wanted =
        in_flight(place) ||
        std::ranges::any_of(asks_, [&](const Asking& asking) { return asking.unit == place; });
    if (is_wanted || !last.late.empty()) return;
    if (shadow_ && shadow_->unit == place) shadow_->unit.reset();
    units_.pop_back();
    guests_.pop_back();
  }
}

void BusSchedule::on_ask(OneOff ask, SteadyTime now) {
  if (stopped_ || winding_down_) {
    return finish_ask(ask,
                      failure(ErrorCode::Stopped, ErrorKind::Transient, "hubward is stopping"));
  }
  if (link_trouble_) return finish_ask(ask, tl::unexpected(not_sent(*link_trouble_)));
  const std::size_t unit = place_of(ask.unit_id, now);
  asks_.push_back({std::move(ask), unit, ++last_arrival_});
  asks_look_at_ = now;
  expire_asks(now);
}

std::optional<Send> BusSchedule::next_ask(AskKind kind, SteadyTime now) {
  // What a gateway has not done with would pile up there, and the polls behind it would seem lost.
  if (kind == AskKind::Read && options_.network && shadow_ && shadow_->until > now) {
    if (!asks_.empty()) asks_look_at_ = std::min(asks_look_at_, shadow_->until);
    return std::nullopt;
  }
  for (std::size_t i = 0; i < asks_.size(); ++i) {
    const Asking& asking = asks_[i];
    if (is_read(asking.ask.request) != (kind == AskKind::Read)) continue;
    if (in_flight(asking.unit) || asking.ask.deadline <= now) continue;
    // As other writes do, it waits for the silent unit's next answer, so that its outcome is known.
    if (kind == AskKind::Write && is_quiet(units_[asking.unit])) continue;
    if (auto send = send_ask(i, now)) return send;
  }
  return std::nullopt;
}

std::optional<Send> BusSchedule::send_ask(std::size_t place_in_line, SteadyTime now) {
  Asking& asking = asks_[place_in_line];
  const std::size_t place = asking.unit;
  Unit& unit = units_[place];
  const Request request = asking.ask.request;
  const Patience patience{asking.ask.answer_time};
  if (options_.serial && asking.ask.unit_id == kBroadcastUnit) {
    Asking taken = std::move(asking);
    asks_.erase(asks_.begin() + static_cast<std::ptrdiff_t>(place_in_line));
    overtake(request, taken.arrival);
    return send_to_all(place, request, std::move(taken), now);
  }
  unit.late.forget(now);
  if (unit.late.empty()) unit.ask_other_function = false;
  if (!unit.late.tells_apart(request) ||
      (unit.ask_other_function && unit.late.owes(function_of(request)))) {
    // Something whose answer is surely no older one's settles that.
    if (unit.retry_at > now) {
      asks_look_at_ = std::min(asks_look_at_, unit.retry_at);
      return std::nullopt;
    }
    const auto probe = distinct_probe(unit, read_like(request));
    if (!probe) {
      asks_look_at_ = std::min(asks_look_at_, unit.late.next_forget().value_or(now + kRetryMax));
      return std::nullopt;
    }
    const auto price = price_now(asking, *probe, now);
    if (!price) return std::nullopt;
    return send_paid(place, *probe, Probe{}, patience, *price, now);
  }
  std::optional price{Price{}};  // writes go first
  if (is_read(request)) price = price_now(asking, request, now);
  if (!price) return std::nullopt;
  Asking taken = std::move(asking);
  asks_.erase(asks_.begin() + static_cast<std::ptrdiff_t>(place_in_line));
  return send_paid(place, request, std::move(taken), patience, *price, now);
}

// What it does not use is given back when it is over.
Send BusSchedule::send_paid(std::size_t unit, const Request& request, Purpose purpose,
                            Patience patience, Price price, SteadyTime now) {
  ask_budget_.spend(price.paid, now);
  Send sent = send(unit, request, std::move(purpose), patience, now);
  flights_.back().paid = price.paid;
  flights_.back().free_for = price.expected;
  return sent;
}

// In a moment in which nobody else is due it costs nothing; else it is paid from the budget. A unit
// that answers is expected to answer as fast as it always did, and what it takes beyond that is
// paid when it is over. The end of a pulse is not gambled with: nothing goes that may still be
// waited for then.
std::optional<BusSchedule::Price> BusSchedule::price_now(const Asking& asking,
                                                         const Request& request, SteadyTime now) {
  const Unit& unit = units_[asking.unit];
  std::chrono::nanoseconds bytes = line_time(request);
  if (options_.serial) {
    bytes += options_.serial->time_for(answer_bytes(request) + kFrameOverheadBytes);
  }
  const std::chrono::nanoseconds whole = asking.ask.answer_time + bytes;
  std::chrono::nanoseconds expected = whole;
  if (const auto longest = unit.times.longest(); unit.failures == 0 && longest) {
    expected = std::min(whole, *longest + bytes);
  }
  const bool others_go_on = flights_.size() + 1 < options_.in_flight_max;
  const auto only = others_go_on ? std::optional(asking.unit) : std::nullopt;
  if (now + whole > pulse_due(only)) return std::nullopt;  // looked at again when it has ended
  // The unit's own polls wait for it, even where those of others go on.
  const SteadyTime own_due = is_quiet(unit) ? SteadyTime::max() : poll_due(asking.unit);
  const SteadyTime free_until = others_go_on ? own_due : next_poll_due();
  if (now + whole <= free_until) return Price{};
  const SteadyTime at = ask_budget_.in_credit_at(now);
  if (at > now) {
    asks_look_at_ = std::min(asks_look_at_, at);
    return std::nullopt;
  }
  if (now + expected <= free_until) return Price{{}, expected};
  return Price{whole, {}};
}

// When a pulse ends, of one unit or of any.
SteadyTime BusSchedule::pulse_due(std::optional<std::size_t> unit) const {
  SteadyTime due = SteadyTime::max();
  for (const PulseEnd& end : pulse_ends_) {
    if (!unit || *unit == end.unit) due = std::min(due, end.at);
  }
  return due;
}

void BusSchedule::ask_answered(const Asking& asking, const Answered& answered) {
  if (answered.may_be_echo) {
    return finish_ask(asking.ask, failure(ErrorCode::UnexpectedAnswer, ErrorKind::Transient,
                                          "the line may have repeated our own request to us"));
  }
  finish_ask(asking.ask, answered.answer);
}

void BusSchedule::finish_ask(const OneOff& ask, Result<Answer> answer) {
  effects_.emplace_back(FinishAsk{ask.id, std::move(answer)});
}

void BusSchedule::fail_asks_of(std::size_t unit, ErrorCode code, const std::string& why) {
  std::erase_if(asks_, [&](const Asking& asking) {
    if (asking.unit != unit) return false;
    // It was not sent itself, but something that the unit must have answered was.
    const bool read = is_read(asking.ask.request);
    finish_ask(asking.ask,
               failure(read ? code : ErrorCode::CommandExpired, ErrorKind::Transient,
                       read ? why : name_of(units_[unit]) + ": " + why + "; not written"));
    return true;
  });
}

std::string BusSchedule::not_connected() const {
  const bool told = link_trouble_ && !link_trouble_->context.empty();
  return " is not connected" + (told ? " (" + link_trouble_->context + ")" : "");
}

void BusSchedule::expire_asks(SteadyTime now) {
  std::erase_if(asks_, [&](const Asking& asking) {
    if (asking.ask.deadline > now) return false;
    const Unit& unit = units_[asking.unit];
    const bool read = is_read(asking.ask.request);
    std::string why = "the line had no moment free for it";
    if (!link_up_) {
      why = options_.place + not_connected();
    } else if (!read && is_quiet(unit)) {
      why = name_of(unit) + " does not answer";
    } else if (!unit.late.tells_apart(asking.ask.request)) {
      why = name_of(unit) + " still owes an answer to an earlier request";
    }
    finish_ask(asking.ask, failure(ErrorCode::CommandExpired, ErrorKind::Transient,
                                   why + (read ? "" : "; not written")));
    return true;
  });
  forget_guests(now);
}

void BusSchedule::withdraw_asks() {
  std::erase_if(asks_, [&](const Asking& asking) {
    if (is_read(asking.ask.request)) return false;
    finish_ask(asking.ask, failure(ErrorCode::WritesPaused, ErrorKind::Permanent,
                                   "maintenance began; not written"));
    return true;
  });
}

void BusSchedule::asks_lose_link(const std::optional<Error>& why) {
  if (!why) return;  // it is opened again at once
  link_trouble_ = why;
  for (const Asking& asking : std::exchange(asks_, {})) {
    finish_ask(asking.ask, tl::unexpected(not_sent(*why)));
  }
}

}  // namespace hubward::modbus
