// What becomes of exchanges: the half of BusSchedule that turns answers and silence into readings,
// states and results.
#include <algorithm>
#include <utility>

#include "adapters/modbus/bus_schedule.h"

namespace hubward::modbus {
namespace {

// "8 s", "0.5 s"
std::string in_seconds(std::chrono::milliseconds time) {
  const auto tenths = (time.count() + 50) / 100;
  std::string text = std::to_string(tenths / 10);
  if (tenths % 10 != 0) text += "." + std::to_string(tenths % 10);
  return text + " s";
}

const char* name_of(Table table) {
  switch (table) {
    case Table::Coil:
      return "coil";
    case Table::DiscreteInput:
      return "discrete input";
    case Table::HoldingRegister:
      return "holding register";
    case Table::InputRegister:
      break;
  }
  return "input register";
}

std::vector<std::size_t> all_tags(const DeviceSettings& device) {
  std::vector<std::size_t> tags(device.tags.size());
  for (std::size_t i = 0; i < tags.size(); ++i) tags[i] = i;
  return tags;
}

}  // namespace

void BusSchedule::on_answer(const Answered& answered, Instant now) {
  const auto flight = std::ranges::find(flights_, answered.ticket, &Flight::ticket);
  if (flight == flights_.end()) return;
  Flight done = std::move(*flight);
  flights_.erase(flight);
  account(done, true, now.steady);
  timeouts_in_row_ = 0;
  // What waits behind it was not begun before.
  if (!options_.serial) {
    for (Flight& other : flights_) {
      if (other.early || other.sent_at > now.steady) continue;
      other.deadline =
          std::max(other.deadline, now.steady + units_[other.unit].settings->response_timeout);
    }
  }
  this->answered(std::move(done), answered, now);
}

void BusSchedule::on_spoiled(Ticket ticket, ErrorCode code, Instant now) {
  const auto flight = std::ranges::find(flights_, ticket, &Flight::ticket);
  if (flight == flights_.end()) return;
  Flight done = std::move(*flight);
  flights_.erase(flight);
  account(done, false, now.steady);
  timeouts_in_row_ = 0;  // damaged or not, somebody speaks
  heard_something_odd(now.steady);
  doubt_held();
  unanswered(std::move(done), code, "the answer was damaged", now);
}

void BusSchedule::on_stray(std::optional<std::uint8_t> unit_id, std::span<const std::byte> pdu,
                           SteadyTime now) {
  doubt_held();
  if (!unit_id) heard_something_odd(now);
  for (Unit& unit : units_) {
    if (unit.settings->unit_id != unit_id) continue;
    if (unit.late.is_known(pdu, now)) {
      repeats_seen_ = true;
    } else if (unit.late.on_frame(pdu) && unit.failures > 0) {  // late, but alive
      ask_slow_one_again(unit, now);
    }
    unit.late.remember(std::nullopt, pdu, now);
  }
}

void BusSchedule::on_late(std::uint8_t unit_id, bool by_gateway, SteadyTime now) {
  timeouts_in_row_ = 0;
  shadow_.reset();  // the gateway is through with it
  if (by_gateway) return;
  const auto unit = std::ranges::find_if(
      units_, [&](const Unit& one) { return one.settings->unit_id == unit_id; });
  if (unit != units_.end() && unit->failures > 0) ask_slow_one_again(*unit, now);
}

void BusSchedule::ask_slow_one_again(Unit& unit, SteadyTime now) {
  unit.is_slow = true;
  unit.look_again_at = SteadyTime::min();
  unit.retry_at = std::min(unit.retry_at, now);
  unit.reads.all_due_at(now);
}

void BusSchedule::on_link_down(const std::optional<Error>& why, std::chrono::milliseconds retry_in,
                               Instant now) {
  link_up_ = false;
  shadow_.reset();
  for (Flight& flight : std::exchange(flights_, {})) {
    if (flight.to_all) {
      cut_off(flight, now.steady);
      continue;
    }
    if (options_.serial) units_[flight.unit].late.owe(flight.request, flight.sent_at);
    if (auto* write = std::get_if<Write>(&flight.purpose)) {
      finish(*write, WriteResult::Outcome::Unknown, ErrorCode::WriteOutcomeUnknown,
             "connection lost before the answer came");
    } else if (auto* first = std::get_if<ReadFirst>(&flight.purpose)) {
      write_next(std::move(first->write));  // nothing was written yet
    } else if (auto* job = std::get_if<ReadBack>(&flight.purpose)) {
      read_backs_.push_back(std::move(*job));
    } else if (const auto* asking = std::get_if<Asking>(&flight.purpose)) {
      finish_ask(asking->ask, failure(ErrorCode::PortLost, ErrorKind::Transient,
                                      "connection lost before the answer came"));
    }
  }
  asks_lose_link(why);
  for (const ReadBack& job : std::exchange(read_backs_, {})) {
    not_read_back(job.write);
  }
  for (Unit& unit : units_) {
    unit.queue.clear();
    unit.held.clear();
    unit.confirming.reset();
    unit.reads.drop_search();
    if (!why) continue;
    unit.reads.ask_refused_again();
    deliver_bad(unit, all_tags(*unit.settings), why->code, now);
    report(unit, FieldState::Link::Down, why->code,
           options_.place + (why->context.empty() ? "" : ": " + why->context) + ", next try in " +
               in_seconds(retry_in));
  }
}

void BusSchedule::answered(Flight flight, const Answered& answered, Instant now) {
  Unit& unit = units_[flight.unit];
  const auto* exception = std::get_if<ExceptionAnswer>(&answered.answer);
  shadow_.reset();
  const bool was_silent = unit.failures > 0;
  if (options_.serial && !belongs(unit, flight, answered.answer, now)) {
    unit_up(unit, now.steady);
    set_aside(unit, flight, answered.answer, now);
    return;
  }
  const auto* const asking = std::get_if<Asking>(&flight.purpose);
  if (exception != nullptr && is_silence_behind_gateway(exception->code)) {
    if (asking == nullptr && flight.sent_at > unit.failed_at) {
      unit_failed(unit, failure_of(exception->code), describe(exception->code), false, now);
    }
  } else {
    if (asking == nullptr) note_answer_time(unit, flight, answered.answer);
    unit_up(unit, now.steady);
  }
  if (asking != nullptr) {
    ask_answered(*asking, answered);
  } else if (auto* poll = std::get_if<Poll>(&flight.purpose)) {
    polled(unit, std::move(poll->block), answered.answer, now);
  } else if (const auto* write = std::get_if<Write>(&flight.purpose)) {
    written(*write, answered, now);
  } else if (auto* first = std::get_if<ReadFirst>(&flight.purpose)) {
    read_first_done(std::move(*first), answered.answer);
  } else if (const auto* job = std::get_if<ReadBack>(&flight.purpose)) {
    read_back(*job, answered.answer, now);
  } else if (was_silent) {
    probed(unit, flight.request, answered.answer, now);
  }
}

// What a device says when it is asked whether it is back is as true as any other answer, and it may
// count the times it was read.
void BusSchedule::probed(Unit& unit, const Request& request, const Answer& answer, Instant now) {
  const auto* const asked = std::get_if<ReadRequest>(&request);
  const auto* const read = std::get_if<ReadAnswer>(&answer);
  if (asked == nullptr || read == nullptr) return;
  Block block = unit.reads.covered_by(*asked);
  if (!block.tags.empty()) deliver_values(unit, std::move(block), *read, now);
}

bool BusSchedule::belongs(Unit& unit, Flight& flight, const Answer& answer, Instant now) {
  const auto pdu = encode_answer(flight.request, answer);
  const FunctionCode function = function_of(flight.request);
  bool repeat = false;
  if (std::holds_alternative<ExceptionAnswer>(answer)) {
    if (unit.late.owes(function)) {
      unit.late.on_frame(pdu);  // the oldest it may answer is settled; this one is owed now
      unit.late.owe(flight.request, flight.sent_at);
      unit.ask_other_function = true;
      return false;
    }
  } else {
    repeat = unit.late.may_be_repeat(flight.request, pdu, repeats_seen_, now.steady);
    unit.late.remember(flight.request, pdu, now.steady);
    if (repeat && unit.confirming != flight.request) {
      unit.late.owe(flight.request, flight.sent_at);
      return false;
    }
  }
  unit.late.settle();  // answers come in the order of requests
  if (repeat) unit.late.owe(flight.request, flight.sent_at);  // believed, but perhaps not the last
  unit.ask_other_function = false;
  if (unit.confirming == flight.request) unit.confirming.reset();
  for (Held& held : std::exchange(unit.held, {})) {
    unit.reads.on_read(held.block, now.steady);
    deliver_values(unit, std::move(held.block), std::move(held.answer), held.at);
  }
  return true;
}

void BusSchedule::set_aside(Unit& unit, Flight& flight, const Answer& answer, Instant now) {
  if (auto* poll = std::get_if<Poll>(&flight.purpose)) {
    const auto* read = std::get_if<ReadAnswer>(&answer);
    if (read != nullptr && !repeats_seen_) {
      unit.held.push_back({std::move(poll->block), *read, now});
    } else {
      if (read != nullptr) unit.confirming = flight.request;
      ask_again(unit, std::move(poll->block));
    }
  } else if (auto* write = std::get_if<Write>(&flight.purpose)) {
    write->detail = "an answer came that may belong to an earlier request";
    // What two such writes read is the same where they wrote the same. Read by itself it tells.
    write->unconfirmed_only = std::holds_alternative<ReadWriteRegisters>(write->request);
    read_back_later(std::move(*write));
  } else if (auto* first = std::get_if<ReadFirst>(&flight.purpose)) {
    write_next(std::move(first->write));
  } else if (auto* job = std::get_if<ReadBack>(&flight.purpose)) {
    not_read_back(job->write);
  } else if (auto* asking = std::get_if<Asking>(&flight.purpose)) {
    if (is_read(asking->ask.request)) {
      unit.confirming = flight.request;
      asks_.push_front(std::move(*asking));
    } else {
      finish_ask(asking->ask, failure(ErrorCode::UnexpectedAnswer, ErrorKind::Transient,
                                      "an answer came that may belong to an earlier request"));
    }
  }
}

// Equal answers from two places are usual on an idle machine, so one is believed if the next
// exchange comes clean. Anything strange in between, and the device is asked again.
void BusSchedule::doubt_held() {
  for (Unit& unit : units_) {
    for (Held& held : std::exchange(unit.held, {})) {
      unit.confirming = held.block.request;
      ask_again(unit, std::move(held.block));
    }
  }
}

void BusSchedule::ask_again(Unit& unit, Block block) { unit.queue.push_front(std::move(block)); }

void BusSchedule::polled(Unit& unit, Block block, const Answer& answer, Instant now) {
  if (const auto* read = std::get_if<ReadAnswer>(&answer)) {
    unit.reads.on_read(block, now.steady);
    deliver_values(unit, std::move(block), *read, now);
    return;
  }
  const auto* exception = std::get_if<ExceptionAnswer>(&answer);
  if (exception == nullptr || is_silence_behind_gateway(exception->code)) return;
  if (!is_lasting(exception->code)) {
    if (block.piece) unit.reads.drop_search();
    deliver_bad(unit, block.tags, failure_of(exception->code), now);
    return;
  }
  auto refusal = unit.reads.on_refused(block, exception->code, now.steady);
  for (auto again = refusal.again.rbegin(); again != refusal.again.rend(); ++again) {
    ask_again(unit, std::move(*again));
  }
  if (refusal.refused.empty()) return;
  deliver_bad(unit, refusal.refused, failure_of(exception->code), now);
  const TagSettings& tag = unit.settings->tags[refusal.refused.front()];
  report(unit, FieldState::Link::Up, {},
         name_of(unit) + ": " + modbus::name_of(tag.table) + " " + std::to_string(tag.address) +
             " (counted from 0): " + describe(exception->code));
}

void BusSchedule::deliver_values(Unit& unit, Block block, ReadAnswer answer, Instant now) {
  ReadingBatch batch{unit.settings->device, now.wall, now.steady, {}};
  const auto place = static_cast<std::size_t>(&unit - units_.data());
  // One poll of several requests is one message.
  batch.more = !unit.queue.empty() || in_flight(place);
  undecoded_.push_back({effects_.size(), place, std::move(block), std::move(answer)});
  effects_.emplace_back(Deliver{std::move(batch)});
}

// Of each answer, into the effect that waits for them.
void BusSchedule::decode_values() {
  for (const Undecoded& waiting : std::exchange(undecoded_, {})) {
    Unit& unit = units_[waiting.unit];
    auto& readings = std::get<Deliver>(effects_[waiting.effect]).batch.readings;
    readings.reserve(waiting.block.tags.size());
    for (const std::size_t place : waiting.block.tags) {
      const TagSettings& tag = unit.settings->tags[place];
      const auto registers =
          std::span(waiting.answer.values)
              .subspan(std::size_t{tag.address} - waiting.block.request.address, width(tag));
      auto value = decode(registers, tag);
      if (value) {
        unit.bad[place].reset();
        readings.push_back({tag.tag, std::move(*value), Quality::Good, {}});
      } else if (unit.bad[place] != value.error().code) {
        unit.bad[place] = value.error().code;
        readings.push_back(
            {tag.tag, false, Quality::Bad, value.error().code, std::move(value.error().context)});
      }
    }
  }
}

std::vector<Effect> BusSchedule::take_effects() {
  decode_values();
  std::erase_if(effects_, [](const Effect& effect) {
    const auto* deliver = std::get_if<Deliver>(&effect);
    return deliver != nullptr && deliver->batch.readings.empty();
  });
  return std::exchange(effects_, {});
}

// On change only: a device that is away for a day has nothing new to say each second.
void BusSchedule::deliver_bad(Unit& unit, std::span<const std::size_t> tags, ErrorCode code,
                              Instant now) {
  decode_values();  // what came before is told before
  ReadingBatch batch{unit.settings->device, now.wall, now.steady, {}};
  for (const std::size_t place : tags) {
    if (unit.bad[place] == code) continue;
    unit.bad[place] = code;
    batch.readings.push_back({unit.settings->tags[place].tag, false, Quality::Bad, code});
  }
  if (!batch.readings.empty()) effects_.emplace_back(Deliver{std::move(batch)});
}

void BusSchedule::unanswered(Flight flight, ErrorCode code, const std::string& why, Instant now) {
  Unit& unit = units_[flight.unit];
  if (options_.serial) unit.late.owe(flight.request, flight.sent_at);
  // It says nothing of the unit: some do not answer what they do not have.
  if (const auto* asking = std::get_if<Asking>(&flight.purpose)) {
    return finish_ask(asking->ask, failure(code, ErrorKind::Transient, why));
  }
  if (unit.is_guest) fail_asks_of(flight.unit, code, why);
  // Several that were under way together are one failure.
  const bool known = flight.sent_at <= unit.failed_at;
  if (auto* write = std::get_if<Write>(&flight.purpose)) {
    write->detail = why + " to the write";
    read_back_later(std::move(*write));
  } else if (auto* first = std::get_if<ReadFirst>(&flight.purpose)) {
    write_next(std::move(first->write));  // it waits for the unit, or for its time-out
  } else if (const auto* job = std::get_if<ReadBack>(&flight.purpose)) {
    not_read_back(job->write);
  }
  if (!known) unit_failed(unit, code, why, flight.early && code == ErrorCode::NoAnswer, now);
}

void BusSchedule::unit_up(Unit& unit, SteadyTime) {
  unit.failures = 0;
  unit.retry_at = SteadyTime::min();
  unit.is_slow = false;
  unit.may_be_slow = false;
  if (unit.link == FieldState::Link::Up) return;
  report(unit, FieldState::Link::Up, {}, name_of(unit) + " answers");
}

void BusSchedule::unit_failed(Unit& unit, ErrorCode code, const std::string& why, bool early,
                              Instant now) {
  ++unit.failures;
  unit.failed_at = now.steady;
  unit.queue.clear();
  unit.held.clear();
  unit.confirming.reset();
  unit.reads.drop_search();
  const auto doublings = std::min(unit.failures - 1, 10U);
  const auto delay = std::min(kRetryFirst * (1 << doublings), kRetryMax);
  unit.retry_at = now.steady + delay;
  unit.look_again_at = SteadyTime::min();
  if (!early) unit.is_slow = unit.may_be_slow = false;
  unit.reads.all_due_at(unit.retry_at);
  const bool has_spoken = unit.link != FieldState::Link::Unknown;
  if (unit.failures < kFailuresUntilDown && (has_spoken || early)) return;
  unit.reads.ask_refused_again();
  deliver_bad(unit, all_tags(*unit.settings), code, now);
  const std::string times =
      unit.failures == 1 ? "" : ", " + std::to_string(unit.failures) + " times in a row";
  report(unit, FieldState::Link::Down, code,
         name_of(unit) + ": " + why + times + ", next try in " + in_seconds(delay));
}

void BusSchedule::report(Unit& unit, FieldState::Link link, ErrorCode code, std::string detail) {
  if (unit.link == link && unit.detail == detail) return;
  unit.link = link;
  unit.detail = detail;
  if (unit.is_guest) return;
  effects_.emplace_back(ReportState{unit.settings->device, {link, code, std::move(detail)}});
}

std::string BusSchedule::name_of(const Unit& unit) const {
  return "unit " + std::to_string(unit.settings->unit_id) + " at " + options_.place;
}

void BusSchedule::stop(SteadyTime now) {
  stopped_ = true;
  on_link_down(std::nullopt, {}, {now, {}});
  for (const Write& write : std::exchange(writes_, {})) {
    finish(write, WriteResult::Outcome::Expired, ErrorCode::Stopped,
           "hubward is stopping; not written");
  }
  asks_lose_link(Error{ErrorCode::Stopped, ErrorKind::Transient, "hubward is stopping"});
}

}  // namespace hubward::modbus
