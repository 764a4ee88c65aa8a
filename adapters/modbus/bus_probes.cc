// Silent units: the part of BusSchedule that finds out at little cost whether they are back.
#include <algorithm>

#include "adapters/modbus/bus_schedule.h"

namespace hubward::modbus {
namespace {

constexpr std::size_t kFrameOverheadBytes = 3;  // unit and checksum

// How often something unclear may be taken for the late answer of one unit.
constexpr std::chrono::seconds kDoubtInterval{60};

}  // namespace

// In a moment in which nobody else is due it costs nothing. When there is none for a while, it is
// paid from the budget.
std::optional<Send> BusSchedule::next_probe(SteadyTime now) {
  const auto place = longest_waiting_quiet(now);
  if (!place) return std::nullopt;
  Unit& unit = units_[*place];
  const auto request = probe_request(unit, now);
  if (!request) {  // nothing could tell its answer from a late one
    unit.retry_at = unit.late.next_forget().value_or(now + kRetryMax);
    return std::nullopt;
  }
  const auto cost_of = [&](const Patience& p) { return p.time + line_time(*request); };
  const bool others_go_on = flights_.size() + 1 < options_.in_flight_max;
  const SteadyTime free_until = others_go_on ? SteadyTime::max() : next_poll_due();
  Patience patience = patience_with(unit);
  if (patience.early && is_turn_for_whole_probe(unit, now)) {
    const Patience whole = whole_patience(*place);
    if (now + cost_of(whole) <= free_until || probe_budget_.affords(cost_of(whole), now)) {
      patience = whole;
      next_whole_probe_at_ = now + kWholeProbeInterval;
    }
  }
  if (now + cost_of(patience) > free_until) {
    const auto wait = unit.is_slow ? std::chrono::milliseconds{0} : kFreeMomentWait;
    const SteadyTime at = std::max(unit.retry_at + wait, probe_budget_.in_credit_at(now));
    if (at > now) {
      unit.look_again_at = at;
      return std::nullopt;
    }
    probe_budget_.spend(cost_of(patience), now);
  }
  if (!patience.early) unit.whole_probe_at = now;
  return send(*place, *request, Probe{}, patience, now);
}

std::optional<std::size_t> BusSchedule::longest_waiting_quiet(SteadyTime now) const {
  std::optional<std::size_t> best;
  for (std::size_t i = 0; i < units_.size(); ++i) {
    const Unit& unit = units_[i];
    if (!is_quiet(unit) || in_flight(i) || unit.retry_at > now || unit.reads.is_empty()) continue;
    if (!best || unit.retry_at < units_[*best].retry_at) best = i;
  }
  return best;
}

// The smallest read there is, unless its answer could be taken for one that is owed.
std::optional<ReadRequest> BusSchedule::probe_request(Unit& unit, SteadyTime now) {
  unit.late.forget(now);
  if (unit.late.empty()) unit.ask_other_function = false;
  const auto& tags = unit.settings->tags;
  const auto smallest =
      std::ranges::min_element(tags, {}, [](const TagSettings& tag) { return width(tag); });
  const auto place = static_cast<std::size_t>(smallest - tags.begin());
  const ReadRequest read = unit.reads.block_of(place).request;
  if (unit.late.tells_apart(read) &&
      !(unit.ask_other_function && unit.late.owes(function_of(read)))) {
    return read;
  }
  return distinct_probe(unit, read);
}

// A unit that answers is given what was configured. One that did not, or never has, is asked again
// with the time that it or its neighbours are known to need.
BusSchedule::Patience BusSchedule::patience_with(const Unit& unit) const {
  const std::chrono::nanoseconds whole = unit.settings->response_timeout;
  if (unit.is_slow || (unit.failures == 0 && unit.times.longest())) return {whole};
  const auto longest = unit.times.longest() ? unit.times.longest() : line_times_.longest();
  if (!longest) return {whole};
  const auto enough = std::max<std::chrono::nanoseconds>(2 * *longest, kProbeTimeMin);
  return enough < whole ? Patience{enough, true} : Patience{whole};
}

// On a network a late answer names its request and is never lost.
bool BusSchedule::is_turn_for_whole_probe(const Unit& unit, SteadyTime now) const {
  if (!options_.serial) return false;
  if (unit.may_be_slow) return true;
  return now >= next_whole_probe_at_ && std::ranges::none_of(units_, [&](const Unit& other) {
           return is_quiet(other) && !other.is_guest && other.whole_probe_at < unit.whole_probe_at;
         });
}

// When somebody who answers is due.
SteadyTime BusSchedule::next_poll_due() const {
  SteadyTime due = SteadyTime::max();
  for (std::size_t i = 0; i < units_.size(); ++i) {
    if (!is_quiet(units_[i]) && !is_taken(i)) due = std::min(due, poll_due(i));
  }
  return due;
}

// What a request without an answer takes of a serial line.
std::chrono::nanoseconds BusSchedule::line_time(const Request& request) const {
  if (!options_.serial) return {};
  const auto pdu = encode_request(request).value_or(std::vector<std::byte>{});
  return options_.serial->time_for(pdu.size() + kFrameOverheadBytes) + options_.serial->t3_5;
}

// Of several under way at a time each counts from the end of the one before.
void BusSchedule::account(Flight& flight, bool answered, SteadyTime now) {
  UnitUse& use = units_[flight.unit].use;
  flight.took = now - std::max(flight.sent_at, accounted_until_);
  accounted_until_ = now;
  asks_look_at_ = now;  // there may be a moment for one that waits
  use.busy += flight.took;
  if (flight.paid > flight.took) ask_budget_.spend(flight.took - flight.paid, now);
  if (flight.free_for && flight.took > *flight.free_for) {
    ask_budget_.spend(flight.took - *flight.free_for, now);
  }
  if (std::holds_alternative<Asking>(flight.purpose)) return;
  ++use.requests;
  if (!answered) ++use.unanswered;
}

std::vector<BusSchedule::UnitUse> BusSchedule::use() const {
  std::vector<UnitUse> all;
  all.reserve(device_count_);
  for (const Unit& unit : std::span(units_).first(device_count_)) {
    all.push_back(unit.use);
    all.back().missed_cycles = unit.reads.missed_cycles();
    all.back().turnaround = unit.times.usual();
  }
  return all;
}

void BusSchedule::note_answer_time(Unit& unit, const Flight& flight, const Answer& answer) {
  std::chrono::nanoseconds time = flight.took;
  if (options_.serial) {
    const std::size_t bytes =
        encode_request(flight.request).value_or(std::vector<std::byte>{}).size() +
        encode_answer(flight.request, answer).size() + 2 * kFrameOverheadBytes;
    time -= options_.serial->time_for(bytes);
  }
  unit.times.note(time);
  line_times_.note(time);
  adapt_gap(unit);
}

// A slow device makes wider gaps worth reading across.
void BusSchedule::adapt_gap(Unit& unit) {
  constexpr unsigned kAnswersBetween = 64;
  if (unit.settings->limits.gap_max || ++unit.answers < kAnswersBetween) return;
  unit.answers = 0;
  unit.reads.set_gap(gap_worth_reading({options_.serial, *unit.times.usual()}));
}

// Perhaps the answer of a unit that needs longer than its probe waited, and that met somebody
// else's.
void BusSchedule::heard_something_odd(SteadyTime now) {
  if (!shadow_ || !shadow_->unit || now >= shadow_->until) return;
  Unit& unit = units_[*shadow_->unit];
  if (unit.failures == 0 || now < unit.whole_probe_at + kDoubtInterval) return;
  unit.may_be_slow = true;
}

void BusSchedule::on_hearing() {
  for (Flight& flight : flights_) flight.deadline = flight.heard_deadline;
}

}  // namespace hubward::modbus
