#include "gateway/resilience/admission.h"

#include <algorithm>

namespace hubward::resilience {
namespace {

// Hubs come from DPS's answers; of those that nobody uses any more only so many are remembered.
constexpr std::size_t kGatesMax = 64;
// A session of this age counts as the hub's answer where the hub has been closing everybody's.
constexpr std::chrono::seconds kProof = HostSessions::kProof;

// So long the device that looks is the only one to ask DPS whether the hub is still the right one.
// The guidance asks when a hub was unreachable for 15 to 30 minutes (reference section 5.1).
constexpr std::chrono::minutes kAskForAll{15};
constexpr std::chrono::minutes kAskAgain{30};
// Between two questions for all: from one to two of these, so that many gateways spread. Short at
// first, because DPS may be told of a failover a little later than we notice it.
constexpr BackoffSettings kQuestions{.initial = std::chrono::seconds(5),
                                     .max = std::chrono::minutes(15)};

std::optional<SteadyTime> earlier(std::optional<SteadyTime> one, std::optional<SteadyTime> other) {
  if (!one || !other) return one ? one : other;
  return std::min(*one, *other);
}

}  // namespace

Admission::Admission(const Limits& limits, RandomSource& random)
    : limits_(limits), random_(random) {}

Admission::Gate& Admission::gate(const GateName& name) {
  const auto known = gates_.find(name);
  if (known != gates_.end()) return known->second;
  const double rate =
      name == kDpsGate ? limits_.registrations_per_second : limits_.connections_per_second;
  BreakerSettings breaker;
  breaker.pauses.max = name == kDpsGate ? limits_.dps_look_pause_max : limits_.look_pause_max;
  return gates_
      .emplace(name, Gate{TokenBucket(rate, rate * kBurstSeconds, limits_.make_up_seconds),
                          Breaker(breaker, random_),
                          {},
                          {},
                          false,
                          Backoff(kQuestions, random_),
                          {},
                          {},
                          {}})
      .first->second;
}

const Admission::Gate* Admission::find(const GateName& name) const {
  const auto known = gates_.find(name);
  return known == gates_.end() ? nullptr : &known->second;
}

void Admission::forget_idle_gates(SteadyTime now) {
  if (gates_.size() <= kGatesMax) return;
  std::erase_if(gates_, [&](const auto& entry) {
    const auto& [name, gate] = entry;
    const bool tried =
        std::any_of(tries_at_.begin(), tries_at_.end(),
                    [&name = name](const auto& attempt) { return attempt.second == name; });
    return name != kDpsGate && gate.line.empty() && !tried && gate.sessions.empty(now) &&
           gate.breaker.state() == Breaker::State::Closed;
  });
}

void Admission::request(DeviceIndex device, const GateName& name, Turn turn) {
  const auto waits = waits_at_.find(device);
  if (waits != waits_at_.end() && waits->second != name) gate(waits->second).line.remove(device);
  waits_at_.insert_or_assign(device, name);
  gate(name).line.push(device, turn);
}

void Admission::withdraw(DeviceIndex device, SteadyTime now) {
  if (const auto waits = waits_at_.find(device); waits != waits_at_.end()) {
    gate(waits->second).line.remove(device);
    waits_at_.erase(waits);
  }
  if (const auto tries = tries_at_.find(device); tries != tries_at_.end()) {
    gate(tries->second).breaker.forget(device, now);
    tries_at_.erase(tries);
  }
  proof_at_.erase(device);
}

std::optional<SteadyTime> Admission::opens_at(Gate& gate, SteadyTime now) {
  if (gate.line.empty()) return std::nullopt;
  const SteadyTime paced = gate.bucket.next_at(now);
  if (gate.breaker.admits(now)) return paced;
  const auto look = gate.breaker.admits_at();
  return look ? std::optional(std::max(paced, *look)) : std::nullopt;
}

std::vector<Admission::Grant> Admission::take_granted(SteadyTime now) {
  prove_sessions(now);
  forget_idle_gates(now);
  std::vector<Grant> grants;
  for (auto& [name, gate] : gates_) {
    while (!gate.line.empty() && gate.breaker.admits(now) && gate.bucket.try_take(now)) {
      const DeviceIndex device = *gate.line.pop();
      gate.breaker.on_attempt(device, now);
      waits_at_.erase(device);
      tries_at_.insert_or_assign(device, name);
      grants.push_back({device, name});
    }
  }
  return grants;
}

std::optional<SteadyTime> Admission::next_at(SteadyTime now) {
  std::optional<SteadyTime> next;
  for (auto& [name, gate] : gates_) next = earlier(next, opens_at(gate, now));
  for (const auto& [device, at] : proof_at_) next = earlier(next, at);
  return next;
}

void Admission::answered(DeviceIndex device, SteadyTime now) {
  const auto tries = tries_at_.find(device);
  if (tries == tries_at_.end()) return;
  const bool is_hub = tries->second != kDpsGate;
  Gate& tried = gate(tries->second);
  const bool had_failed = tried.breaker.on_answer(device, now);
  tried.moved = false;
  tried.questions.reset();
  tried.next_question = {};
  tried.confirmed.clear();
  // What is out of reach together is our own network; when a hub is back, DPS may be as well.
  if (is_hub && had_failed) gate(kDpsGate).breaker.hasten_look(now);
  tries_at_.erase(tries);
  proof_at_.erase(device);
}

std::vector<DeviceIndex> Admission::failed(DeviceIndex device, SteadyTime now, bool certain,
                                           std::chrono::milliseconds at_least) {
  const auto tries = tries_at_.find(device);
  if (tries == tries_at_.end()) return {};
  Gate& tried = gate(tries->second);
  tries_at_.erase(tries);
  proof_at_.erase(device);
  tried.sessions.kept_out(device, now);
  tried.breaker.on_failure(device, now, certain, at_least);
  return share_if_open(tried);
}

void Admission::logged_in(DeviceIndex device, const GateName& name, SteadyTime now) {
  Gate& at = gate(name);
  at.sessions.begun(device, now);
  if (at.sessions.logins_prove_nothing(now)) {
    proof_at_.insert_or_assign(device, now + kProof);
  } else {
    answered(device, now);
  }
}

std::vector<DeviceIndex> Admission::session_ended(DeviceIndex device, const GateName& name,
                                                  bool unasked, SteadyTime now) {
  Gate& at = gate(name);
  at.sessions.ended(device, unasked, now);
  if (tries_at_.contains(device)) {  // it never came to count as an answer
    if (unasked) return failed(device, now, false);
    withdraw(device, now);
    return {};
  }
  if (unasked) at.breaker.on_session_lost(device, now);
  return {};
}

void Admission::prove_sessions(SteadyTime now) {
  std::vector<DeviceIndex> proven;
  for (const auto& [device, at] : proof_at_) {
    if (at <= now) proven.push_back(device);
  }
  for (const DeviceIndex device : proven) answered(device, now);
}

// While one looks, those in line learn what it found, instead of finding it out one by one.
std::vector<DeviceIndex> Admission::share_if_open(Gate& gate) {
  std::vector<DeviceIndex> sharing;
  if (gate.breaker.state() != Breaker::State::Open) return sharing;
  while (auto device = gate.line.pop()) {
    waits_at_.erase(*device);
    sharing.push_back(*device);
  }
  return sharing;
}

std::vector<DeviceIndex> Admission::hub_moved(const GateName& name) {
  Gate& left = gate(name);
  left.moved = true;
  return share_if_open(left);
}

bool Admission::each_may_ask(const Gate& gate, SteadyTime now) {
  return gate.moved || now - gate.breaker.open_since().value_or(now) >= kAskForAll;
}

bool Admission::is_being_asked(const Gate& gate) const {
  if (!gate.asks) return false;
  const auto waits = waits_at_.find(*gate.asks);
  if (waits != waits_at_.end()) return waits->second == kDpsGate;
  const auto tries = tries_at_.find(*gate.asks);
  return tries != tries_at_.end() && tries->second == kDpsGate;
}

bool Admission::may_ask_about(const GateName& hub, DeviceIndex device, bool shared,
                              SteadyTime now) const {
  const Gate* const at = find(hub);
  // While it is closed a device's own pauses are all there is, and they grow.
  if (at == nullptr || at->breaker.state() != Breaker::State::Open) return true;
  if (!each_may_ask(*at, now)) return !shared && now >= at->next_question && !is_being_asked(*at);
  const auto confirmed = at->confirmed.find(device);
  return confirmed == at->confirmed.end() || now - confirmed->second >= kAskAgain;
}

void Admission::asked_about(const GateName& hub, DeviceIndex device, SteadyTime now) {
  Gate& asked = gate(hub);
  asked.asks = device;
  const auto least = std::chrono::duration<double>(asked.questions.ceiling());
  asked.next_question =
      now + std::chrono::duration_cast<SteadyTime::duration>(least * (1 + random_.unit()));
}

void Admission::confirmed(const GateName& hub, DeviceIndex device, SteadyTime now) {
  Gate& at = gate(hub);
  at.confirmed.insert_or_assign(device, now);
  at.questions.grow();
}

bool Admission::is_open(const GateName& name) const {
  const Gate* at = find(name);
  return at != nullptr && at->breaker.state() == Breaker::State::Open;
}

std::optional<SteadyTime> Admission::next_look(const GateName& name) const {
  const Gate* at = find(name);
  return at == nullptr ? std::nullopt : at->breaker.next_look();
}

bool Admission::dps_may_be_asked(SteadyTime now) const {
  const Gate* dps = find(kDpsGate);
  return dps == nullptr || dps->breaker.state() != Breaker::State::Open || dps->breaker.admits(now);
}

bool Admission::closes_everybody(const GateName& name, SteadyTime now) const {
  const Gate* at = find(name);
  return at != nullptr && at->sessions.closes_everybody(now);
}

bool Admission::lets_in_a_few(const GateName& name, SteadyTime now) const {
  const Gate* at = find(name);
  return at != nullptr && at->sessions.lets_in_a_few(now);
}

bool Admission::only_this_one(const GateName& name, DeviceIndex device, SteadyTime now) const {
  const Gate* at = find(name);
  return at != nullptr && at->sessions.only_this_one(device, now);
}

std::vector<GateView> Admission::view(SteadyTime now) const {
  std::vector<GateView> views;
  for (const auto& [name, gate] : gates_) {
    views.push_back({name, gate.breaker.state(), gate.breaker.next_look(), gate.line.size(),
                     gate.sessions.closes_everybody(now)});
  }
  return views;
}

std::size_t Admission::waiting() const { return waits_at_.size(); }

std::vector<GateRecord> Admission::memory() const {
  std::vector<GateRecord> open;
  for (const auto& [name, gate] : gates_) {
    if (const auto known = gate.breaker.memory()) {
      open.push_back({name, known->steps, known->next_look, gate.questions.steps(),
                      gate.next_question, known->named});
    }
  }
  return open;
}

void Admission::restore(const std::vector<GateRecord>& memory, SteadyTime now) {
  for (const GateRecord& known : memory) {
    Gate& open = gate(known.gate);
    open.breaker.reopen({known.steps, known.next_look, known.named}, now);
    open.questions.resume(known.questions);
    open.next_question = known.next_question;
  }
}

}  // namespace hubward::resilience
