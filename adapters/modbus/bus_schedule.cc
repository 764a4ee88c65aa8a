#include "adapters/modbus/bus_schedule.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace hubward::modbus {
namespace {

// Registers past the wanted ones that a probe may read when nothing else tells its answer apart.
constexpr int kProbeExtensionMax = 3;
constexpr std::size_t kFrameOverheadBytes = 3;  // unit and checksum
// UARTs hand up what they received when so many bytes have come.
constexpr std::size_t kHeldBackBytes = 16;

std::size_t request_frame_bytes(const Request& request) {
  return encode_request(request).value_or(std::vector<std::byte>{}).size() + kFrameOverheadBytes;
}

// The table of the same kind that another function reads.
Table sister(Table table) {
  switch (table) {
    case Table::Coil:
      return Table::DiscreteInput;
    case Table::DiscreteInput:
      return Table::Coil;
    case Table::HoldingRegister:
      return Table::InputRegister;
    case Table::InputRegister:
      break;
  }
  return Table::HoldingRegister;
}

}  // namespace

BusSchedule::BusSchedule(std::span<const DeviceSettings> devices, Options options, SteadyTime start)
    : options_(std::move(options)),
      device_count_(devices.size()),
      probe_budget_(start),
      ask_budget_(start, kOneOffShare, kOneOffSavedMax),
      next_whole_probe_at_(start) {
  units_.reserve(devices.size());
  for (const DeviceSettings& device : devices) {
    units_.emplace_back(device, BusTiming{.serial = options_.serial}, start);
  }
}

void BusSchedule::on_link_up(SteadyTime now) {
  link_up_ = true;
  link_trouble_.reset();
  timeouts_in_row_ = 0;
  repeats_seen_ = false;
  for (Unit& unit : units_) {
    unit.queue.clear();
    unit.retry_at = SteadyTime::min();
    unit.reads.all_due_at(now);
  }
}

std::vector<GivenUp> BusSchedule::on_time(Instant now) {
  std::vector<GivenUp> given_up;
  for (std::size_t i = 0; i < flights_.size();) {
    if (flights_[i].deadline > now.steady) {
      ++i;
      continue;
    }
    Flight flight = std::move(flights_[i]);
    flights_.erase(flights_.begin() + static_cast<std::ptrdiff_t>(i));
    given_up.push_back({flight.ticket, flight.early});
    account(flight, flight.to_all, now.steady);
    if (flight.to_all) {
      sent_to_all(flight);
      continue;
    }
    // Several that were under way to one unit are one missing answer. What somebody asks once may
    // go to nobody.
    if (flight.sent_at > units_[flight.unit].failed_at && !units_[flight.unit].is_guest &&
        !std::holds_alternative<Asking>(flight.purpose)) {
      ++timeouts_in_row_;
    }
    const bool asked_once = std::holds_alternative<Asking>(flight.purpose);
    if (flight.early || (asked_once && options_.network)) {
      shadow_ =
          Shadow{flight.unit, flight.sent_at + units_[flight.unit].settings->response_timeout};
    }
    doubt_held();
    unanswered(std::move(flight), ErrorCode::NoAnswer, "no answer", now);
  }
  // A unit that answered what it was asked last would have to be silent now, too.
  const bool somebody_answers = std::ranges::any_of(units_, [](const Unit& unit) {
    return unit.failures == 0 && unit.link == FieldState::Link::Up;
  });
  if (options_.network && timeouts_in_row_ >= kTimeoutsUntilReconnect && !somebody_answers &&
      link_up_) {
    timeouts_in_row_ = 0;
    effects_.emplace_back(Reconnect{});
  }
  for (std::size_t i = 0; i < writes_.size();) {
    if (writes_[i].deadline > now.steady) {
      ++i;
      continue;
    }
    const Unit& unit = units_[writes_[i].unit];
    const std::string why = !link_up_                             ? not_connected()
                            : unit.link == FieldState::Link::Down ? " does not answer"
                                                                  : " is busy with other requests";
    finish(writes_[i], WriteResult::Outcome::Expired, ErrorCode::CommandExpired,
           name_of(unit) + why + "; not written");
    writes_.erase(writes_.begin() + static_cast<std::ptrdiff_t>(i));
  }
  expire_asks(now.steady);
  return given_up;
}

std::optional<Send> BusSchedule::next(SteadyTime now) {
  if (!link_up_ || stopped_ || flights_.size() >= options_.in_flight_max) return std::nullopt;
  end_pulses(now);
  asks_look_at_ = SteadyTime::max();
  if (auto send = next_read_back(now)) return send;
  if (winding_down_) return next_write(now);
  if (writes_in_row_ < kWritesInARowMax) {
    auto send = next_write(now);
    if (!send) send = next_ask(AskKind::Write, now);
    if (send) {
      ++writes_in_row_;
      return send;
    }
  }
  if (auto send = next_ask(AskKind::Read, now)) return send;
  if (auto send = next_probe(now)) return send;
  if (auto send = next_poll(now)) {
    writes_in_row_ = 0;
    return send;
  }
  writes_in_row_ = 0;
  if (auto send = next_write(now)) return send;
  return next_ask(AskKind::Write, now);
}

// While the line carries what is asked of it, the earliest deadline goes first: a poll is to be
// done before its next cycle begins. What has missed that goes before all else, the one first that
// is latest in proportion to its interval. So a line that is asked for too much slows everybody
// down alike, and nobody waits for ever.
struct BusSchedule::Urgency {
  double missed = 0;  // cycles; only whole ones count
  SteadyTime deadline = SteadyTime::max();
  std::uint64_t served = 0;  // among equals the one that was asked longest ago

  [[nodiscard]] bool comes_before(const Urgency& other) const {
    if (missed != other.missed) return missed > other.missed;
    return std::pair(deadline, served) < std::pair(other.deadline, other.served);
  }
};

BusSchedule::Urgency BusSchedule::urgency_of(const Unit& unit, const Block& block,
                                             SteadyTime now) const {
  using Cycles = std::chrono::duration<double, std::nano>;
  const SteadyTime due = std::max(block.due, SteadyTime{});
  const double late = Cycles(now - due) / Cycles(block.interval);
  return {late >= 1 ? late : 0, due + block.interval, unit.served};
}

// Of what is most urgent of the unit's.
BusSchedule::Urgency BusSchedule::urgency_of(const Unit& unit, SteadyTime now) const {
  Urgency most{.served = unit.served};
  if (!unit.held.empty()) most.deadline = unit.held.front().at.steady;
  for (const Block& block : unit.queue) {
    const Urgency one = urgency_of(unit, block, now);
    if (one.comes_before(most)) most = one;
  }
  return most;
}

GroupMask BusSchedule::groups_under_way(std::size_t place) const {
  GroupMask groups = 0;
  for (const Block& block : units_[place].queue) groups |= block.groups;
  for (const Flight& flight : flights_) {
    const auto* poll = std::get_if<Poll>(&flight.purpose);
    if (poll != nullptr && flight.unit == place) groups |= poll->block.groups;
  }
  return groups;
}

void BusSchedule::take_due(std::size_t place, SteadyTime now) {
  Unit& unit = units_[place];
  const GroupMask waiting = groups_under_way(place);
  if (unit.reads.next_due(waiting) > now) return;
  for (Block& block : unit.reads.take_due(now, waiting)) unit.queue.push_back(std::move(block));
}

std::optional<Send> BusSchedule::next_poll(SteadyTime now) {
  for (;;) {
    std::optional<std::size_t> best;
    Urgency most;
    for (std::size_t i = 0; i < units_.size(); ++i) {
      Unit& unit = units_[i];
      if (is_quiet(unit) || is_taken(i) || poll_due(i) > now) continue;
      take_due(i, now);
      if (unit.queue.empty() && unit.held.empty()) continue;
      const Urgency one = urgency_of(unit, now);
      if (best && !one.comes_before(most)) continue;
      best = i;
      most = one;
    }
    if (!best) return std::nullopt;
    if (auto send = poll_unit(*best, now)) return send;  // else its turn has moved on
  }
}

std::optional<Send> BusSchedule::poll_unit(std::size_t place, SteadyTime now) {
  Unit& unit = units_[place];
  if (unit.queue.empty() && unit.held.empty()) return std::nullopt;
  unit.late.forget(now);
  if (unit.late.empty()) unit.ask_other_function = false;
  const auto can_ask = [&](const Block& block) {
    return unit.late.tells_apart(block.request) &&
           !(unit.ask_other_function && unit.late.owes(function_of(block.request)));
  };
  const auto most_urgent = [&](const auto& may_ask) {
    auto best = unit.queue.end();
    for (auto block = unit.queue.begin(); block != unit.queue.end(); ++block) {
      if (!may_ask(*block)) continue;
      if (best == unit.queue.end() ||
          urgency_of(unit, *block, now).comes_before(urgency_of(unit, *best, now))) {
        best = block;
      }
    }
    return best;
  };
  auto block = unit.queue.end();
  if (options_.serial) {  // a repetition of the last answer is noticed if the next looks unlike it
    block = most_urgent([&](const Block& b) {
      return can_ask(b) && !(unit.asked_last && answers_look_alike(*unit.asked_last, b.request));
    });
  }
  if (block == unit.queue.end()) block = most_urgent(can_ask);
  if (block != unit.queue.end()) {
    Poll poll{std::move(*block)};
    unit.queue.erase(block);
    const Request request = poll.block.request;
    return send(place, request, std::move(poll), patience_with(unit), now);
  }
  const Block& wanted = unit.queue.empty() ? unit.held.front().block : unit.queue.front();
  if (const auto probe = distinct_probe(unit, wanted.request)) {
    return send(place, *probe, Probe{}, patience_with(unit), now);
  }
  unit.held.clear();  // nothing can tell: not delivered
  unit.retry_at = unit.late.next_forget().value_or(now + kRetryMax);
  return std::nullopt;
}

// A read whose answer cannot be mistaken for any owed one: what is configured anyway if possible,
// then the same addresses of the sister table (a unit that has none says so, with an exception that
// can be told apart), then a little more than is wanted.
std::optional<ReadRequest> BusSchedule::distinct_probe(Unit& unit, const ReadRequest& wanted) {
  const auto fits = [&](const ReadRequest& read) {
    return encode_request(read) && unit.reads.may_read(read) && unit.late.tells_apart(read) &&
           !(unit.ask_other_function && unit.late.owes(function_of(read)));
  };
  for (const Block& block : unit.reads.whole_plan()) {
    if (fits(block.request)) return block.request;
    for (const std::size_t tag : block.tags) {  // its beginning, up to the end of one tag
      const TagSettings& last = unit.settings->tags[tag];
      ReadRequest part = block.request;
      part.count = static_cast<std::uint16_t>(last.address + width(last) - part.address);
      if (fits(part)) return part;
    }
  }
  const int step = holds_bits(wanted.table) ? 8 : 1;
  for (const Table table : {sister(wanted.table), wanted.table}) {
    for (int more = 0; more <= kProbeExtensionMax; ++more) {
      const ReadRequest read{table, wanted.address,
                             static_cast<std::uint16_t>(wanted.count + more * step)};
      if (fits(read)) return read;
    }
  }
  if (!std::exchange(unit.ask_other_function, false)) return std::nullopt;
  return distinct_probe(unit, wanted);
}

Send BusSchedule::send(std::size_t place, Request request, Purpose purpose, Patience patience,
                       SteadyTime now) {
  Unit& unit = units_[place];
  const Ticket ticket{++last_ticket_};
  SteadyTime begin = now;
  // A gateway may have to wait for somebody silent before it comes to this.
  if (shadow_ && options_.network) begin = std::max(begin, shadow_->until);
  SteadyTime deadline = begin + patience.time;
  SteadyTime heard_deadline = deadline;
  if (options_.serial) {  // the bytes themselves take time
    deadline += options_.serial->t3_5 + options_.serial->time_for(request_frame_bytes(request));
    heard_deadline =
        deadline + options_.serial->time_for(answer_bytes(request) + kFrameOverheadBytes);
    if (!patience.early) {
      const auto held = std::min(answer_bytes(request), kHeldBackBytes);
      deadline += options_.serial->time_for(held);
      heard_deadline += options_.serial->time_for(held);
    }
  }
  unit.served = last_ticket_;
  unit.asked_last = request;
  flights_.push_back({ticket,
                      place,
                      request,
                      now,
                      deadline,
                      heard_deadline,
                      patience.early,
                      std::move(purpose),
                      {},
                      {},
                      {},
                      false});
  return {ticket, unit.settings->unit_id, std::move(request)};
}

bool BusSchedule::is_taken(std::size_t place) const {
  std::size_t polls = 0;
  for (const Flight& flight : flights_) {
    if (flight.unit != place) continue;
    if (!std::holds_alternative<Poll>(flight.purpose)) return true;
    ++polls;
  }
  const Unit& unit = units_[place];
  // One question tells whether a unit is there.
  const std::size_t most = unit.failures > 0 || !unit.times.usual()
                               ? 1
                               : std::size_t{unit.settings->limits.in_flight_max};
  if (polls >= most) return true;
  return polls > 0 &&
         std::ranges::any_of(writes_, [&](const Write& write) { return write.unit == place; });
}

bool BusSchedule::in_flight(std::size_t unit) const {
  return std::ranges::any_of(flights_, [&](const Flight& f) { return f.unit == unit; });
}

SteadyTime BusSchedule::poll_due(std::size_t place) const {
  const Unit& unit = units_[place];
  SteadyTime due = unit.reads.next_due(groups_under_way(place));
  for (const Block& block : unit.queue) due = std::min(due, block.due);
  if (!unit.held.empty()) due = std::min(due, unit.held.front().at.steady);
  if (is_quiet(unit)) due = std::max(due, unit.look_again_at);
  return std::max(due, unit.retry_at);
}

// As next_read_back() and next_write() see it.
bool BusSchedule::has_write_to_send() const {
  if (!link_up_ || stopped_ || flights_.size() >= options_.in_flight_max) return false;
  if (std::ranges::any_of(read_backs_,
                          [&](const ReadBack& job) { return !in_flight(job.write.unit); })) {
    return true;
  }
  return std::ranges::any_of(writes_, [&](const Write& write) {
    if (write.to_all) return true;
    const Unit& unit = units_[write.unit];
    const bool is_first = &*std::ranges::find(writes_, write.unit, &Write::unit) == &write;
    if (!is_first || in_flight(write.unit) || unit.link == FieldState::Link::Down) return false;
    return unit.late.tells_apart(write.read_first ? Request{unit.reads.block_of(write.tag).request}
                                                  : write.request);
  });
}

SteadyTime BusSchedule::wake_at() const {
  if (has_write_to_send()) return SteadyTime::min();
  SteadyTime wake = SteadyTime::max();
  for (const Flight& flight : flights_) wake = std::min(wake, flight.deadline);
  for (const Write& write : writes_) wake = std::min(wake, write.deadline);
  for (const Asking& asking : asks_) wake = std::min(wake, asking.ask.deadline);
  if (link_up_) {
    for (const PulseEnd& end : pulse_ends_) wake = std::min(wake, end.at);
  }
  if (link_up_ && !winding_down_ && flights_.size() < options_.in_flight_max) {
    if (!asks_.empty()) wake = std::min(wake, asks_look_at_);
    for (std::size_t i = 0; i < units_.size(); ++i) {
      if (!is_taken(i)) wake = std::min(wake, poll_due(i));
    }
  }
  return wake;
}

}  // namespace hubward::modbus
