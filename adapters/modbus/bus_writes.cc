// Writes: how they are put on the line, pulsed, and what is said of them.
#include <algorithm>
#include <utility>

#include "adapters/modbus/bus_schedule.h"
#include "proto/modbus/refusal.h"

namespace hubward::modbus {
namespace {

constexpr std::chrono::milliseconds kPulseRetry{1000};
constexpr std::chrono::milliseconds kPulseRetryAtStop{200};

// Function 23 writes first (section 6.17): the address or value may be refused for the reading.
bool may_have_written(const Request& request, ExceptionCode code) {
  return std::holds_alternative<ReadWriteRegisters>(request) &&
         (code == ExceptionCode::IllegalDataAddress || code == ExceptionCode::IllegalDataValue);
}

Result<Request> request_for(const TagSettings& tag, const std::vector<std::uint16_t>& registers) {
  if (!is_writable(tag.table)) {
    return failure(ErrorCode::NotWritable, ErrorKind::Permanent,
                   "discrete inputs and input registers can only be read");
  }
  if (tag.table == Table::Coil) return WriteCoil{tag.address, registers[0] != 0};
  if (is_part(tag)) {
    const std::uint16_t mask = write_mask(tag);
    return MaskWrite{tag.address, static_cast<std::uint16_t>(~mask), registers[0]};
  }
  if (registers.size() == 1) return WriteRegister{tag.address, registers[0]};
  return WriteRegisters{tag.address, registers};
}

}  // namespace

Result<Request> BusSchedule::write_request(const Unit& unit, const TagSettings& tag,
                                           const std::vector<std::uint16_t>& registers) const {
  if (unit.settings->has_function_23 && !unit.has_no_read_write && may_write_and_read(tag)) {
    const auto count = static_cast<std::uint16_t>(registers.size());
    return ReadWriteRegisters{tag.address, count, tag.address, registers};
  }
  return request_for(tag, registers);
}

void BusSchedule::on_write(WriteId id, const WriteRequest& request, SteadyTime now) {
  Write write;
  write.id = id;
  write.unit = units_.size();
  write.deadline = request.deadline;
  write.wanted = request.value;
  const auto refuse = [&](ErrorCode code, std::string why) {
    finish(write, WriteResult::Outcome::Refused, code, std::move(why));
  };
  const auto unit = std::ranges::find_if(
      units_, [&](const Unit& u) { return u.settings->device == request.device; });
  if (unit == units_.end()) return refuse(ErrorCode::NotWritable, "no such device on this bus");
  const auto& tags = unit->settings->tags;
  const auto tag = std::ranges::find(tags, request.tag, &TagSettings::tag);
  if (tag == tags.end()) return refuse(ErrorCode::NotWritable, "no such tag");
  const auto registers = encode(request.value, *tag);
  if (!registers) return refuse(registers.error().code, registers.error().context);
  auto pdu = write_request(*unit, *tag, *registers);
  if (!pdu) return refuse(pdu.error().code, pdu.error().context);
  write.unit = static_cast<std::size_t>(unit - units_.begin());
  write.tag = static_cast<std::size_t>(tag - tags.begin());
  write.request = std::move(*pdu);
  write.registers = *registers;
  write.to_all = tag->broadcast;
  write.arrival = ++last_arrival_;
  write.read_first =
      is_part(*tag) && tag->table == Table::HoldingRegister && unit->has_no_mask_write;
  if (stopped_ || winding_down_) {
    return finish(write, WriteResult::Outcome::Expired, ErrorCode::Stopped,
                  "hubward is stopping; not written");
  }
  if (now >= request.deadline) {
    return finish(write, WriteResult::Outcome::Expired, ErrorCode::CommandExpired,
                  "it came too late; not written");
  }
  if (writes_.size() >= kWritesMax) {
    return refuse(ErrorCode::LimitExceeded, "too many commands wait for " + options_.place);
  }
  writes_.push_back(std::move(write));
}

void BusSchedule::end_pulses(SteadyTime now) {
  for (std::size_t i = 0; i < pulse_ends_.size();) {
    const PulseEnd end = pulse_ends_[i];
    if (end.at > now) {
      ++i;
      continue;
    }
    pulse_ends_.erase(pulse_ends_.begin() + static_cast<std::ptrdiff_t>(i));
    const Unit& unit = units_[end.unit];
    const TagSettings& tag = unit.settings->tags[end.tag];
    const auto off = encode(Value{false}, tag);
    auto request = off ? write_request(unit, tag, *off) : tl::unexpected(off.error());
    if (!request) continue;  // a value with names for neither state; checked at the start
    Write write;
    write.unit = end.unit;
    write.tag = end.tag;
    write.deadline = SteadyTime::max();
    write.request = std::move(*request);
    write.wanted = false;
    write.registers = *off;
    write.read_first = is_part(tag) && unit.has_no_mask_write;
    writes_.push_front(std::move(write));
  }
}

std::optional<Send> BusSchedule::next_write(SteadyTime now) {
  std::vector<std::size_t> waiting;  // units whose earlier write waits: order is kept
  for (std::size_t i = 0; i < writes_.size(); ++i) {
    if (writes_[i].to_all && writes_[i].deadline > now) return next_to_all(i, now);
    const std::size_t place = writes_[i].unit;
    Unit& unit = units_[place];
    if (std::ranges::find(waiting, place) != waiting.end()) continue;
    // A silent unit is not written to: the command waits for its next answer or its own deadline,
    // so that its outcome stays known.
    if (in_flight(place) || unit.link == FieldState::Link::Down || writes_[i].deadline <= now) {
      waiting.push_back(place);
      continue;
    }
    unit.late.forget(now);
    const Request first = writes_[i].read_first
                              ? Request{unit.reads.block_of(writes_[i].tag).request}
                              : writes_[i].request;
    if (!unit.late.tells_apart(first)) {
      waiting.push_back(place);
      if (unit.retry_at > now) continue;
      const Block block = unit.reads.block_of(writes_[i].tag);
      const auto probe = distinct_probe(unit, block.request);
      if (probe) return send(place, *probe, Probe{}, whole_patience(place), now);
      continue;
    }
    Write write = std::move(writes_[i]);
    writes_.erase(writes_.begin() + static_cast<std::ptrdiff_t>(i));
    write.sent_at = now;
    const Request request = write.request;
    if (write.read_first) {
      const ReadRequest read = unit.reads.block_of(write.tag).request;
      return send(place, read, ReadFirst{std::move(write)}, whole_patience(place), now);
    }
    return send(place, request, std::move(write), whole_patience(place), now);
  }
  return std::nullopt;
}

void BusSchedule::written(const Write& write, const Answered& answered, Instant now) {
  Unit& unit = units_[write.unit];
  const TagSettings& tag = unit.settings->tags[write.tag];
  if (const auto* exception = std::get_if<ExceptionAnswer>(&answered.answer)) {
    if (exception->code == ExceptionCode::IllegalFunction &&
        std::holds_alternative<MaskWrite>(write.request)) {
      // It cannot write bits alone: the register is read, and written whole.
      unit.has_no_mask_write = true;
      Write whole = write;
      whole.read_first = true;
      write_next(std::move(whole));
      return;
    }
    if (exception->code == ExceptionCode::IllegalFunction &&
        std::holds_alternative<ReadWriteRegisters>(write.request)) {
      unit.has_no_read_write = true;
      Write apart = write;
      if (auto request = write_request(unit, tag, write.registers)) apart.request = *request;
      write_next(std::move(apart));
      return;
    }
    if (may_have_written(write.request, exception->code)) {
      Write refused = write;
      refused.refused = refused.unconfirmed_only = true;
      refused.detail = describe(exception->code);
      read_back_later(std::move(refused));
      return;
    }
    if (leaves_unwritten(exception->code)) {
      finish(write, WriteResult::Outcome::Refused, ErrorCode::WriteRefused,
             describe(exception->code));
      return;
    }
    Write unknown = write;
    unknown.detail = describe(exception->code);
    read_back_later(std::move(unknown));
    return;
  }
  begin_pulse(write);
  if (std::holds_alternative<ReadAnswer>(answered.answer)) {
    written_and_read(write, answered.answer, now);
  } else if (answered.may_be_echo) {
    Write unconfirmed = write;
    unconfirmed.unconfirmed_only = true;
    unconfirmed.detail = "the line may have repeated our own request to us";
    read_back_later(std::move(unconfirmed));
  } else if (tag.verify) {
    Write confirmed = write;
    confirmed.confirmed = true;
    read_back_later(std::move(confirmed));
  } else {
    finish(write, WriteResult::Outcome::Written, {}, {}, rounded_value(write));
  }
}

// The other bits are the device's own as they were a moment ago; if it changes them itself in
// between, that change is lost. Function 22 has no such gap.
void BusSchedule::read_first_done(ReadFirst job, const Answer& answer) {
  Write write = std::move(job.write);
  const auto* read = std::get_if<ReadAnswer>(&answer);
  if (read == nullptr) {
    const auto* exception = std::get_if<ExceptionAnswer>(&answer);
    finish(write, WriteResult::Outcome::Refused, ErrorCode::WriteRefused,
           "the register must be read first, and the device answers " +
               (exception != nullptr ? describe(exception->code) : "something else"));
    return;
  }
  const TagSettings& tag = units_[write.unit].settings->tags[write.tag];
  const std::uint16_t mask = write_mask(tag);
  const auto whole = static_cast<std::uint16_t>((read->values[0] & ~mask) | write.registers[0]);
  write.request = WriteRegister{tag.address, whole};
  write.read_first = false;
  write_next(std::move(write));
}

void BusSchedule::write_next(Write write) {
  if (write.withdrawn) return withdraw(write);
  writes_.push_front(std::move(write));
}

void BusSchedule::withdraw(const Write& write) {
  finish(write, WriteResult::Outcome::Refused, ErrorCode::WritesPaused,
         "maintenance began; not written");
}

void BusSchedule::withdraw_writes() {
  const auto is_pulse_end = [](const Write& write) { return write.id == WriteId{}; };
  std::erase_if(writes_, [&](const Write& write) {
    if (is_pulse_end(write)) return false;
    withdraw(write);
    return true;
  });
  for (Flight& flight : flights_) {
    if (auto* write = std::get_if<Write>(&flight.purpose)) {
      write->withdrawn = !is_pulse_end(*write);
    } else if (auto* first = std::get_if<ReadFirst>(&flight.purpose)) {
      first->write.withdrawn = !is_pulse_end(first->write);
    }
  }
  withdraw_asks();
}

bool BusSchedule::is_read_only(const Flight& flight) {
  if (const auto* asking = std::get_if<Asking>(&flight.purpose)) {
    return is_read(asking->ask.request);
  }
  return std::holds_alternative<Poll>(flight.purpose) ||
         std::holds_alternative<Probe>(flight.purpose);
}

void BusSchedule::wind_down(SteadyTime now) {
  winding_down_ = true;
  std::erase_if(writes_, [&](const Write& write) {
    if (write.id == WriteId{}) return false;
    finish(write, WriteResult::Outcome::Expired, ErrorCode::Stopped,
           "hubward is stopping; not written");
    return true;
  });
  asks_lose_link(Error{ErrorCode::Stopped, ErrorKind::Transient, "hubward is stopping"});
  for (PulseEnd& end : pulse_ends_) end.at = std::min(end.at, now);
  // Whoever is silent now must not keep the line until it is too late.
  for (Flight& flight : flights_) {
    if (!is_read_only(flight)) continue;
    const auto usual = units_[flight.unit].times.longest();
    const auto enough =
        std::max<std::chrono::nanoseconds>(usual ? 2 * *usual : kProbeTimeMin, kProbeTimeMin);
    if (now + enough >= flight.deadline) continue;
    flight.deadline = now + enough;
    flight.early = true;
  }
}

// A write under way may begin a pulse, and one that is read back may turn out to be none.
bool BusSchedule::is_wound_down() const {
  return winding_down_ && pulse_ends_.empty() && writes_.empty() && read_backs_.empty() &&
         std::ranges::all_of(flights_, is_read_only);
}

bool BusSchedule::is_off(const Write& write) const {
  const auto off = encode(Value{false}, units_[write.unit].settings->tags[write.tag]);
  return !off || write.registers == *off;
}

void BusSchedule::begin_pulse(const Write& write) {
  const TagSettings& tag = units_[write.unit].settings->tags[write.tag];
  std::erase_if(pulse_ends_, [&](const PulseEnd& end) {
    return end.unit == write.unit && end.tag == write.tag;
  });
  if (!tag.pulse || is_off(write)) return;
  const auto lasts = winding_down_ ? std::chrono::milliseconds{0} : *tag.pulse;
  pulse_ends_.push_back({write.unit, write.tag, write.sent_at + lasts});
}

void BusSchedule::finish(const Write& write, WriteResult::Outcome outcome, ErrorCode code,
                         std::string detail, std::optional<TagValue> value, bool verified) {
  if (write.id == WriteId{}) {  // the end of a pulse: nobody waits for it, and it must happen
    if (outcome != WriteResult::Outcome::Written && !stopped_) {
      pulse_ends_.push_back({write.unit, write.tag,
                             write.sent_at + (winding_down_ ? kPulseRetryAtStop : kPulseRetry)});
    }
    return;
  }
  // What may have begun a pulse must end it.
  if (outcome == WriteResult::Outcome::Unknown && !is_off(write)) begin_pulse(write);
  effects_.emplace_back(
      FinishWrite{write.id, {outcome, code, std::move(detail), std::move(value), verified}});
}

}  // namespace hubward::modbus
