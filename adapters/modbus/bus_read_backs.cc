// What the device holds after a write: the part of BusSchedule that reads it back and judges.
#include <algorithm>
#include <utility>

#include "adapters/modbus/bus_schedule.h"

namespace hubward::modbus {
namespace {

// Texts and names count as equal here: encode() writes them whole or refuses them.
double as_double(const TagValue& value) {
  return std::visit(
      [](const auto& held) {
        if constexpr (std::is_same_v<std::decay_t<decltype(held)>, std::string>) {
          return 0.0;
        } else {
          return static_cast<double>(held);
        }
      },
      value);
}

// What the registers stand for. Limits and rounding are for readings; here they would hide what the
// device was really given.
Result<Value> held_value(std::span<const std::uint16_t> registers, const TagSettings& tag) {
  ValueFormat as_it_is = tag;
  as_it_is.clamp_min.reset();
  as_it_is.clamp_max.reset();
  as_it_is.decimals.reset();
  return decode(registers, as_it_is);
}

}  // namespace

// What the registers hold now, where that is not quite what was asked for: 1.5 in a register of
// whole numbers. The caller must not be told that the equipment holds 1.5.
std::optional<TagValue> BusSchedule::rounded_value(const Write& write) const {
  const TagSettings& tag = units_[write.unit].settings->tags[write.tag];
  auto held = held_value(write.registers, tag);
  if (!held || as_double(*held) == as_double(write.wanted)) return std::nullopt;
  return std::move(*held);
}

std::optional<Send> BusSchedule::next_read_back(SteadyTime now) {
  for (std::size_t i = 0; i < read_backs_.size();) {
    ReadBack& job = read_backs_[i];
    if (in_flight(job.write.unit)) {
      ++i;
      continue;
    }
    ReadBack taken = std::move(job);
    read_backs_.erase(read_backs_.begin() + static_cast<std::ptrdiff_t>(i));
    const Request request = taken.block.request;
    if (units_[taken.write.unit].late.tells_apart(request)) {
      const std::size_t unit = taken.write.unit;
      return send(unit, request, std::move(taken), whole_patience(unit), now);
    }
    not_read_back(taken.write);
  }
  return std::nullopt;
}

// By function 23. Where something else came back, the device may have read before it wrote, or need
// a moment: what it holds is asked once more, by itself.
void BusSchedule::written_and_read(const Write& write, const Answer& answer, Instant now) {
  const TagSettings& tag = units_[write.unit].settings->tags[write.tag];
  Write confirmed = write;
  confirmed.confirmed = true;
  const auto& read = std::get<ReadAnswer>(answer);
  if (!holds_what_was_written(write, read, tag)) {
    confirmed.contradicted = true;
    if (auto held = held_value(read.values, tag)) confirmed.held = std::move(*held);
    return read_back_later(std::move(confirmed));
  }
  Block block = units_[write.unit].reads.block_of(write.tag);
  read_back({std::move(confirmed), std::move(block)}, answer, now);
}

void BusSchedule::not_read_back(const Write& write) {
  if (write.contradicted) {
    finish(
        write, WriteResult::Outcome::Unknown, ErrorCode::WriteOutcomeUnknown,
        "the device confirmed it, its answer held something else, and it could not be read again",
        write.held);
  } else if (write.confirmed) {
    finish(write, WriteResult::Outcome::Written, {}, "it could not be read back",
           rounded_value(write));
  } else {
    finish(write, WriteResult::Outcome::Unknown, ErrorCode::WriteOutcomeUnknown, write.detail);
  }
}

// Devices keep true as 0xFFFF, and texts with blanks behind them.
bool BusSchedule::holds_what_was_written(const Write& write, const ReadAnswer& read,
                                         const TagSettings& tag) {
  if (tag.type == ValueType::Bool || tag.type == ValueType::Text) {
    const auto held = decode(read.values, tag);
    const auto wanted = decode(write.registers, tag);
    return held && wanted && *held == *wanted;
  }
  const std::uint16_t mask = tag.table == Table::HoldingRegister ? write_mask(tag) : 0xFFFF;
  return std::ranges::equal(
      read.values, write.registers,
      [&](std::uint16_t held, std::uint16_t wanted) { return ((held ^ wanted) & mask) == 0; });
}

void BusSchedule::read_back(const ReadBack& job, const Answer& answer, Instant now) {
  using enum WriteResult::Outcome;
  const auto* read = std::get_if<ReadAnswer>(&answer);
  if (read == nullptr) return not_read_back(job.write);
  Unit& unit = units_[job.write.unit];
  const TagSettings& tag = unit.settings->tags[job.write.tag];
  deliver_values(unit, job.block, *read, now);
  std::optional<TagValue> value;
  if (auto held = held_value(read->values, tag)) value = std::move(*held);
  const bool same = holds_what_was_written(job.write, *read, tag);
  if ((job.write.unconfirmed_only || job.write.confirmed) && same) {
    if (!job.write.confirmed) begin_pulse(job.write);
    finish(job.write, Written, {}, "read back", std::move(value), true);
  } else if (job.write.refused) {
    finish(job.write, Refused, ErrorCode::WriteRefused, job.write.detail, std::move(value));
  } else {
    finish(job.write, Unknown, ErrorCode::WriteOutcomeUnknown,
           job.write.confirmed ? "the device confirmed it, and holds something else"
                               : job.write.detail,
           std::move(value));
  }
}

void BusSchedule::read_back_later(Write write) {
  Block block = units_[write.unit].reads.block_of(write.tag);
  read_backs_.push_back({std::move(write), std::move(block)});
}

}  // namespace hubward::modbus
