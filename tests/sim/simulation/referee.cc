#include "tests/sim/simulation/referee.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "tests/sim/simulation/bookkeeper.h"

namespace hubward::simulation {
namespace {

using namespace std::chrono_literals;

constexpr auto kStable = 60s;
// resilience::Admission: a session of this age counts as the hub's answer in any case.
constexpr auto kProof = 5s;
// resilience::Recovery: "three times running", then every tenth; ten soft failures.
constexpr unsigned kUnreachableFirst = 3;
constexpr unsigned kUnreachableAgain = 10;
constexpr unsigned kSoftMax = 10;
// A pause drawn with full jitter may be zero; not several times in a row.
constexpr unsigned kWithoutPauseMax = 2;
// The first pauses of a gate whose endpoint does not answer together, in seconds:
// resilience::Breaker.
constexpr double kFirstPauses = 5;

// As resilience::TokenBucket: a twentieth of a second's worth at once, and what may be made up for.
// The rates are four fifths of published ones: with both, no second sees more than is published.
double burst_of(double per_second, const resilience::Limits& limits) {
  return std::max(1.0, per_second * 0.05) + per_second * limits.make_up_seconds;
}

double minutes_between(SteadyTime from, SteadyTime to) {
  return std::chrono::duration<double, std::ratio<60>>(to - from).count();
}

}  // namespace

Referee::Referee(const Scale& scale, Bookkeeper& books,
                 std::function<void(const std::string&)> complain)
    : scale_(scale), books_(books), complain_(std::move(complain)), devices_(scale.devices) {}

Referee::Device& Referee::device_of(const std::string& client) {
  return devices_[books_.device_of(client)];
}

Referee::Endpoint& Referee::endpoint_of(const std::string& host) {
  const auto known = endpoints_.find(host);
  if (known != endpoints_.end()) return known->second;
  const auto& limits = scale_.limits;
  const double rate =
      host == kDpsHost ? limits.registrations_per_second : limits.connections_per_second;
  const double sends = limits.sends_per_second > 0 ? limits.sends_per_second : 1e9;
  return endpoints_
      .emplace(host, Endpoint{RateWatch(rate, burst_of(rate, limits)),
                              RateWatch(sends, burst_of(sends, limits))})
      .first->second;
}

// What a device has learnt of its hub it remembers; what stood in memory only begins anew.
void Referee::on_start(const std::vector<bool>& has_assignment) {
  for (std::size_t i = 0; i < devices_.size(); ++i) {
    Device& device = devices_[i];
    end_conversation(device);
    device.order.on_process_end(waits_of(device));
    device.has_assignment = has_assignment[i];
    device.may_ask = device.may_ask || !has_assignment[i];
    device.paused = true;
    device.online = false;
    device.silent_hub.clear();
  }
  endpoints_.clear();
}

OrderJudge::Waits Referee::waits_of(const Device& device) const {
  const auto place = static_cast<std::size_t>(&device - devices_.data());
  return [this, place](OrderJudge::Reading reading) { return books_.book(place).waits(reading); };
}

void Referee::on_pause(const std::string& client) { device_of(client).paused = true; }

void Referee::on_shared(const std::string& client, std::string_view reason) {
  Device& device = device_of(client);
  if (reason == "name_unknown" || reason == "unreachable" || reason == "tls_failed" ||
      reason == "own_network_down") {
    on_unreachable(device);
  } else {
    ++device.soft;
    device.unreachable = 0;
  }
}

void Referee::on_attempt(const std::string& host, const std::string& client, SteadyTime now) {
  const bool to_dps = host == kDpsHost;
  Device& device = device_of(client);
  Endpoint& endpoint = endpoint_of(host);
  if (!endpoint.attempts.count(now)) {
    complain_(to_dps ? "too many DPS conversations at a time" : "too many logins at a time");
  }
  if (endpoint.unanswered++ == 0) endpoint.last_answer = now;
  if (endpoint.well_at == SteadyTime{}) endpoint.well_at = now;
  const double allowed = static_cast<double>(scale_.devices) +
                         3 * (10 + 8 * minutes_between(endpoint.last_answer, now));
  if (endpoint.unanswered > allowed) {
    complain_(host + ": " + std::to_string(endpoint.unanswered) + " attempts without an answer");
    endpoint.unanswered = 0;
  }
  end_conversation(device);
  to_dps ? ask_dps(device, client, now) : log_in(device, client, now);
}

void Referee::log_in(Device& device, const std::string& client, SteadyTime now) {
  ++logins_;
  if (device.attempts++ == 0) device.restless_since = now;
  const double minutes = minutes_between(device.restless_since, now);
  if (device.attempts > 3 * (10 + 8 * minutes)) {
    complain_(client + ": " + std::to_string(device.attempts) + " logins in " +
              std::to_string(static_cast<int>(minutes)) + " minutes");
    device.attempts = 0;
  }
}

// The device that looks for all at a hub, while DPS cannot be reached either, has the pauses of the
// two gates instead of its own. Each passes while the device is with the other endpoint, so that
// none of them may show between two conversations; but DPS's pauses double.
void Referee::note_step(Device& device, const std::string& client, SteadyTime now) {
  if (device.paused) {
    device.without_pause = device.unreached = 0;
  } else if (device.dps_unreachable) {
    if (device.unreached++ == 0) device.unreached_since = device.asked_at;
    const double seconds = 60 * minutes_between(device.unreached_since, now);
    if (device.unreached > kWithoutPauseMax + std::log2(1 + seconds / kFirstPauses)) {
      complain_(client + " asks a DPS that cannot be reached as if it had no pauses");
      device.unreached = 0;
    }
  } else if (++device.without_pause > kWithoutPauseMax) {
    complain_(client + " asks DPS more than once in a back-off step");
    device.without_pause = 0;
  }
  device.asked_at = now;
}

void Referee::ask_dps(Device& device, const std::string& client, SteadyTime now) {
  ++conversations_;
  if (!device.may_ask && std::exchange(device.soft, 0) <= kSoftMax) {
    complain_(client + " asks DPS without a reason");
  }
  note_step(device, client, now);
  device.may_ask = device.paused = device.assigned = device.dps_unreachable = false;
  device.asking = true;
}

// A conversation is over when the next attempt begins.
void Referee::end_conversation(Device& device) {
  if (!device.asking) return;
  device.asking = false;
  if (!device.assigned && (!device.has_assignment || device.dps_unreachable)) {
    device.may_ask = true;
  }
}

void Referee::on_registration(const std::string& client, SteadyTime now) {
  if (now < device_of(client).dps_not_before)
    complain_(client + " registers sooner than retry-after");
}

void Referee::on_dps_refusal(const std::string& client, SteadyTime until) {
  Device& device = device_of(client);
  device.dps_not_before = std::max(device.dps_not_before, until);
}

void Referee::on_assigned(const std::string& client, std::string_view answer, SteadyTime now) {
  Device& device = device_of(client);
  device.assigned = device.has_assignment = true;
  if (!device.silent_hub.empty()) on_confirmed(device, answer, now);
}

void Referee::on_confirmed(Device& device, std::string_view answer, SteadyTime now) {
  Endpoint& hub = endpoint_of(device.silent_hub);
  if (hub.unanswered == 0) return;
  if (answer.find('"' + device.silent_hub + '"') == std::string_view::npos) {
    hub.moved = true;
    return;
  }
  const double minutes = minutes_between(hub.last_answer, now);
  double allowed = 4 + std::log2(1 + minutes * 60 / 5);
  // The gateway's quarter of an hour begins with the first silent session or refused login, ours
  // with the last one that stood.
  const bool each_asks = hub.moved || std::max(minutes, minutes_between(hub.well_at, now)) >= 14;
  if (each_asks) allowed += static_cast<double>(scale_.devices) * (1 + minutes / 30);
  if (++hub.confirmed > allowed) {
    complain_(device.silent_hub + " does not answer, and DPS was asked about it " +
              std::to_string(hub.confirmed) + " times in " +
              std::to_string(static_cast<int>(minutes)) + " minutes");
    hub.confirmed = 0;
  }
}

void Referee::on_answer(Endpoint& endpoint) {
  endpoint.unanswered = endpoint.confirmed = 0;
  endpoint.moved = false;
}

void Referee::on_login(const std::string& host, const std::string& client, SteadyTime now) {
  on_answer(endpoint_of(host));
  if (host == kDpsHost) return;
  Device& device = device_of(client);
  device.order.on_login();
  device.online = true;
  device.online_since = now;
  device.sent_fresh = device.sent_old = 0;
  device.unreachable = 0;
}

void Referee::on_end(const std::string& host, const std::string& client, LinkOutcome outcome,
                     SteadyTime now) {
  Device& device = device_of(client);
  if (outcome == LinkOutcome::RefusedIdentity || outcome == LinkOutcome::RefusedOther) {
    on_answer(endpoint_of(host));
    endpoint_of(host).well_at = now;
  }
  if (host != kDpsHost) {
    if (device.online && now - device.online_since >= kProof) endpoint_of(host).well_at = now;
    const bool silent = outcome == LinkOutcome::Unreachable || outcome == LinkOutcome::Silent ||
                        outcome == LinkOutcome::RefusedBusy;
    device.silent_hub = silent ? host : std::string();
    device.order.on_link_end(outcome != LinkOutcome::LeftByUs, waits_of(device));
    return on_hub_end(device, outcome, now);
  }
  // A link that breaks before an answer is the same as one that never came to be.
  if (outcome != LinkOutcome::RefusedBusy && outcome != LinkOutcome::RefusedIdentity &&
      outcome != LinkOutcome::RefusedOther && outcome != LinkOutcome::LeftByUs) {
    device.dps_unreachable = true;
  }
}

void Referee::on_unreachable(Device& device) {
  ++device.unreachable;
  if (device.unreachable >= kUnreachableFirst &&
      (device.unreachable - kUnreachableFirst) % kUnreachableAgain == 0) {
    device.may_ask = true;
  }
}

void Referee::on_hub_end(Device& device, LinkOutcome outcome, SteadyTime now) {
  if (std::exchange(device.online, false) && now - device.online_since >= kStable) {
    device.attempts = device.soft = device.unreachable = 0;
    device.paused = true;
    return;
  }
  switch (outcome) {
    case LinkOutcome::Unreachable:
      return on_unreachable(device);
    case LinkOutcome::RefusedIdentity:
      device.may_ask = true;
      break;
    case LinkOutcome::RefusedBusy:
    case LinkOutcome::Silent:
    case LinkOutcome::ClosedBeforeLogin:
    case LinkOutcome::ClosedInSession:
      ++device.soft;
      break;
    case LinkOutcome::RefusedOther:
    case LinkOutcome::LeftByUs:
      break;
  }
  device.unreachable = 0;
}

void Referee::on_telemetry(const std::string& host, const std::string& client,
                           std::string_view topic, std::string_view body, SteadyTime now) {
  if (!endpoint_of(host).sends.count(now)) complain_("too many messages at a time");
  books_.on_sent(client, topic, body);
  Device& device = device_of(client);
  const std::uint64_t reading = reading_in(body);
  device.order.on_sent(reading);
  note_order(device, client, reading);
}

// Two rising series at most, of which the greater one takes what it can.
void Referee::note_order(Device& device, const std::string& client, std::uint64_t reading) {
  if (reading > device.sent_fresh) {
    device.sent_fresh = reading;
  } else if (is_fresh_first(scale_, books_.device_of(client)) && reading > device.sent_old) {
    device.sent_old = reading;
  } else if (!books_.book(books_.device_of(client)).has_returned(reading)) {
    complain_(client + ": reading " + std::to_string(reading) + " is sent out of order");
  }
}

}  // namespace hubward::simulation
