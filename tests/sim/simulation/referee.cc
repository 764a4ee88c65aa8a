#include "tests/sim/simulation/referee.h"

#include <utility>

#include "tests/sim/simulation/bookkeeper.h"

namespace hubward::simulation {
namespace {

using namespace std::chrono_literals;

constexpr auto kStable = 60s;
// resilience::Recovery: "three times running", then every tenth; ten soft failures.
constexpr unsigned kUnreachableFirst = 3;
constexpr unsigned kUnreachableAgain = 10;
constexpr unsigned kSoftMax = 10;
// A pause drawn with full jitter may be zero; not several times in a row.
constexpr unsigned kWithoutPauseMax = 2;

// As resilience::Admission: a twentieth of a second's worth may be made up for at once.
double burst_of(double per_second) { return std::max(1.0, per_second * 0.05); }

}  // namespace

Referee::Referee(const Scale& scale, Bookkeeper& books,
                 std::function<void(const std::string&)> complain)
    : scale_(scale),
      books_(books),
      complain_(std::move(complain)),
      devices_(scale.devices),
      login_rate_(scale.connections_per_second, burst_of(scale.connections_per_second)),
      dps_rate_(scale.registrations_per_second, burst_of(scale.registrations_per_second)) {}

Referee::Device& Referee::device_of(const std::string& client) {
  return devices_[books_.device_of(client)];
}

void Referee::on_start(const std::vector<bool>& has_assignment) {
  for (std::size_t i = 0; i < devices_.size(); ++i) {
    Device fresh;
    fresh.has_assignment = has_assignment[i];
    fresh.may_ask = !has_assignment[i];
    devices_[i] = fresh;
  }
  login_rate_ = RateWatch(scale_.connections_per_second, burst_of(scale_.connections_per_second));
  dps_rate_ = RateWatch(scale_.registrations_per_second, burst_of(scale_.registrations_per_second));
}

void Referee::on_pause(const std::string& client) { device_of(client).paused = true; }

void Referee::on_attempt(bool to_dps, const std::string& client, SteadyTime now) {
  Device& device = device_of(client);
  if (!(to_dps ? dps_rate_ : login_rate_).count(now)) {
    complain_(to_dps ? "too many DPS conversations at a time" : "too many logins at a time");
  }
  end_conversation(device);
  if (to_dps) return ask_dps(device, client);
  ++logins_;
  if (device.attempts++ == 0) device.restless_since = now;
  const double minutes =
      std::chrono::duration<double, std::ratio<60>>(now - device.restless_since).count();
  if (device.attempts > 3 * (10 + minutes)) {
    complain_(client + ": " + std::to_string(device.attempts) + " logins in " +
              std::to_string(static_cast<int>(minutes)) + " minutes");
    device.attempts = 0;
  }
}

void Referee::ask_dps(Device& device, const std::string& client) {
  ++conversations_;
  if (!device.may_ask && std::exchange(device.soft, 0) <= kSoftMax) {
    complain_(client + " asks DPS without a reason");
  }
  device.without_pause = device.paused ? 0 : device.without_pause + 1;
  if (device.without_pause > kWithoutPauseMax) {
    complain_(client + " asks DPS more than once in a back-off step");
    device.without_pause = 0;
  }
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

void Referee::on_assigned(const std::string& client, SteadyTime) {
  Device& device = device_of(client);
  device.assigned = device.has_assignment = true;
}

void Referee::on_login(bool to_dps, const std::string& client, SteadyTime now) {
  if (to_dps) return;
  Device& device = device_of(client);
  device.online = true;
  device.online_since = now;
  device.unreachable = 0;
}

void Referee::on_end(bool to_dps, const std::string& client, LinkOutcome outcome, SteadyTime now) {
  Device& device = device_of(client);
  if (!to_dps) return on_hub_end(device, outcome, now);
  // A link that breaks before an answer is the same as one that never came to be.
  if (outcome != LinkOutcome::RefusedBusy && outcome != LinkOutcome::RefusedIdentity &&
      outcome != LinkOutcome::RefusedOther && outcome != LinkOutcome::LeftByUs) {
    device.dps_unreachable = true;
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
      ++device.unreachable;
      if (device.unreachable >= kUnreachableFirst &&
          (device.unreachable - kUnreachableFirst) % kUnreachableAgain == 0) {
        device.may_ask = true;
      }
      return;
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

void Referee::on_telemetry(const std::string& client, std::string_view topic,
                           std::string_view body) {
  books_.on_sent(client, topic, body);
}

}  // namespace hubward::simulation
