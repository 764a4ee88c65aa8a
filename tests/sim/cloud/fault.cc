#include "tests/sim/cloud/fault.h"

#include <algorithm>

namespace hubward::simcloud {
namespace {

struct Name {
  FaultKind kind;
  std::string_view name;
};
constexpr Name kNames[] = {
    {FaultKind::Down, "down"},
    {FaultKind::Silent, "silent"},
    {FaultKind::SilentTcp, "silent_tcp"},
    {FaultKind::Connack, "connack"},
    {FaultKind::CloseAfterConnack, "close_after_connack"},
    {FaultKind::PubackDelay, "puback_delay"},
    {FaultKind::PubackWithhold, "puback_withhold"},
    {FaultKind::Cut, "cut"},
    {FaultKind::Poison, "poison"},
    {FaultKind::ConnectRate, "connect_rate"},
    {FaultKind::SendRate, "send_rate"},
    {FaultKind::DpsAnswer, "dps_answer"},
    {FaultKind::TwinStatus, "twin_status"},
};

std::chrono::nanoseconds turn_of(const Fault& rate) {
  return std::chrono::nanoseconds(static_cast<std::int64_t>(1e9 / std::max(rate.per_second, 1e-3)));
}

}  // namespace

std::string_view name_of(FaultKind kind) {
  const auto* found = std::find_if(std::begin(kNames), std::end(kNames),
                                   [&](const Name& row) { return row.kind == kind; });
  return found == std::end(kNames) ? "?" : found->name;
}

std::optional<FaultKind> fault_kind(std::string_view name) {
  const auto* found = std::find_if(std::begin(kNames), std::end(kNames),
                                   [&](const Name& row) { return row.name == name; });
  if (found == std::end(kNames)) return std::nullopt;
  return found->kind;
}

std::uint64_t FaultBook::add(Fault fault) {
  fault.id = next_id_++;
  faults_.push_back(std::move(fault));
  return faults_.back().id;
}

bool FaultBook::remove(std::uint64_t id) {
  return std::erase_if(faults_, [&](const Fault& fault) { return fault.id == id; }) > 0;
}

Fault* FaultBook::find(FaultKind kind, Place place, std::string_view device) {
  for (Fault& fault : faults_) {
    if (fault.kind != kind) continue;
    if (fault.place && *fault.place != place) continue;
    if (!fault.device.empty() && fault.device != device) continue;
    return &fault;
  }
  return nullptr;
}

void FaultBook::use(Fault& fault) {
  ++fault.used;
  if (fault.times && --*fault.times == 0) remove(fault.id);
}

std::chrono::nanoseconds wait_in_line(Fault& rate, SteadyTime now) {
  // A burst of up to one second's worth passes at once, as with a bucket that was full.
  const auto full = now - std::chrono::seconds(1);
  rate.line_ends = std::max(rate.line_ends, full) + turn_of(rate);
  return std::max(rate.line_ends - now, SteadyTime::duration::zero());
}

void leave_line(Fault& rate) { rate.line_ends -= turn_of(rate); }

}  // namespace hubward::simcloud
