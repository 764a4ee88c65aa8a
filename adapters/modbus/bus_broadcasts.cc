// Writes to all units of a serial line, of which none answers: the part of BusSchedule that sends
// them. MODBUS over Serial Line V1.02, sections 2.1 and 2.4.1.
#include <utility>

#include "adapters/modbus/bus_schedule.h"
#include "proto/modbus/written_by.h"

namespace hubward::modbus {

// It waits for no unit: also while the one whose tag it is does not answer, the others hear it.
std::optional<Send> BusSchedule::next_to_all(std::size_t place_in_line, SteadyTime now) {
  Write write = std::move(writes_[place_in_line]);
  writes_.erase(writes_.begin() + static_cast<std::ptrdiff_t>(place_in_line));
  overtake(write.request, write.arrival);
  write.sent_at = now;
  const std::size_t unit = write.unit;
  Request request = write.request;
  return send_to_all(unit, std::move(request), ToAll{std::move(write)}, now);
}

// What is older and still waits for a silent unit, whoever wrote it, would undo it there. What came
// after it goes after it.
void BusSchedule::overtake(const Request& request, std::uint64_t arrival) {
  constexpr auto kWhy = "a later write to all units of the line went first; not written";
  const auto written = written_by(request);
  const auto is_undone = [&](const Request& older, std::uint64_t arrival_of_older) {
    const auto other = written_by(older);
    return written && other && arrival_of_older < arrival && written->overlaps(*other);
  };
  std::erase_if(writes_, [&](const Write& write) {
    const bool is_pulse_end = write.id == WriteId{};  // it must come
    if (write.to_all || is_pulse_end || !is_undone(write.request, write.arrival)) return false;
    finish(write, WriteResult::Outcome::Expired, ErrorCode::CommandExpired, kWhy);
    return true;
  });
  std::erase_if(asks_, [&](const Asking& asking) {
    if (!is_undone(asking.ask.request, asking.arrival)) return false;
    finish_ask(asking.ask, failure(ErrorCode::CommandExpired, ErrorKind::Transient,
                                   name_of(units_[asking.unit]) + ": " + kWhy));
    return true;
  });
}

Send BusSchedule::send_to_all(std::size_t unit, Request request, Purpose purpose, SteadyTime now) {
  const Ticket ticket{++last_ticket_};
  const SteadyTime over = now + line_time(request) + kTurnaroundDelay;
  flights_.push_back(
      {ticket, unit, request, now, over, over, false, std::move(purpose), {}, {}, {}, true});
  return {ticket, kBroadcastUnit, std::move(request)};
}

void BusSchedule::sent_to_all(const Flight& flight) {
  if (const auto* asking = std::get_if<Asking>(&flight.purpose)) {
    return finish_ask(asking->ask, Answer{SentToAll{}});
  }
  finish(std::get<ToAll>(flight.purpose).write, WriteResult::Outcome::Sent, {},
         "to all units of " + options_.place + "; nobody confirms it");
}

// When hubward stops, the moment is known: by then all bytes were on the line or not. A connection
// may have been lost for a while before anybody noticed.
void BusSchedule::cut_off(const Flight& flight, SteadyTime now) {
  if (stopped_ && flight.sent_at + line_time(flight.request) <= now) return sent_to_all(flight);
  const std::string why = stopped_ ? "hubward stopped" : "connection lost";
  if (const auto* asking = std::get_if<Asking>(&flight.purpose)) {
    return finish_ask(asking->ask, failure(ErrorCode::PortLost, ErrorKind::Transient,
                                           why + " while it was sent to all units"));
  }
  finish(std::get<ToAll>(flight.purpose).write, WriteResult::Outcome::Unknown,
         ErrorCode::WriteOutcomeUnknown, why + " while it was sent to all units");
}

}  // namespace hubward::modbus
