// Writes to all units of a serial line, of which none answers: the part of BusSchedule that sends
// them. MODBUS over Serial Line V1.02, sections 2.1 and 2.4.1.
#include <utility>

#include "adapters/modbus/bus_schedule.h"

namespace hubward::modbus {

// It waits for no unit: also while the one whose tag it is does not answer, the others hear it.
std::optional<Send> BusSchedule::next_to_all(std::size_t place_in_line, SteadyTime now) {
  Write write = std::move(writes_[place_in_line]);
  writes_.erase(writes_.begin() + static_cast<std::ptrdiff_t>(place_in_line));
  overtake(write, place_in_line);
  write.sent_at = now;
  const std::size_t unit = write.unit;
  Request request = write.request;
  return send_to_all(unit, std::move(request), ToAll{std::move(write)}, now);
}

// An older write that still waits for a silent unit would undo it there.
void BusSchedule::overtake(const Write& write, std::size_t place_in_line) {
  const TagSettings& tag = units_[write.unit].settings->tags[write.tag];
  for (std::size_t i = 0, left = place_in_line; left > 0; --left) {
    const Write& older = writes_[i];
    const TagSettings& other = units_[older.unit].settings->tags[older.tag];
    const bool same = other.table == tag.table && other.address < tag.address + width(tag) &&
                      tag.address < other.address + width(other);
    if (!same || older.to_all || older.id == WriteId{}) {  // the end of a pulse must come
      ++i;
      continue;
    }
    finish(older, WriteResult::Outcome::Expired, ErrorCode::CommandExpired,
           "a later write to all units of the line went first; not written");
    writes_.erase(writes_.begin() + static_cast<std::ptrdiff_t>(i));
  }
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

}  // namespace hubward::modbus
