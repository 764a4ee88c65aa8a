// What each fault does. Sections of the reference on Azure IoT say what a service does in it.
#include <utility>

#include "tests/sim/simulation/bookkeeper.h"
#include "tests/sim/simulation/fault_script.h"
#include "tests/sim/simulation/gateway_process.h"

namespace hubward::simulation {
namespace {

using namespace std::chrono_literals;
using simcloud::FaultKind;

bool always(const Scale&) { return true; }
bool with_disk_faults(const Scale& scale) { return scale.disk_faults; }
bool with_remounts(const Scale& scale) { return scale.disk_remounts; }
bool with_clock_faults(const Scale& scale) { return scale.clock_faults; }

}  // namespace

// clang-format off
const std::vector<FaultScript::Kind>& FaultScript::kinds() {
  static const std::vector<Kind> table = {
      // Moved, refused, forbidden.
      {"a device fails over", 2, &FaultScript::fail_over_device, always},
      {"many devices fail over in one second", 0.7, &FaultScript::fail_over_devices, always},
      {"a whole hub fails over", 0.7, &FaultScript::fail_over_hub, always},
      {"a device is blocked", 1, &FaultScript::block_device, always},
      {"a device is disabled", 1, &FaultScript::disable_device, always},
      {"a device is deleted", 0.7, &FaultScript::delete_device, always},
      {"the enrollment is disabled", 0.5, &FaultScript::disable_enrollment, always},
      // The way there.
      {"our network is cut", 1, &FaultScript::cut_network, always},
      {"our network is slow", 0.5, &FaultScript::slow_network, always},
      {"a name is unknown", 1, &FaultScript::lose_name, always},
      {"a black hole", 0.7, &FaultScript::black_hole, always},
      {"half-open connections", 1, &FaultScript::half_open, always},
      // The hub.
      {"hub down", 1, &FaultScript::hub_down, always},
      {"hub silent", 0.5, &FaultScript::hub_silent, always},
      {"hub says CONNACK 3", 0.8, &FaultScript::hub_busy, always},
      {"quota loop", 0.8, &FaultScript::quota_loop, always},
      {"logins throttled", 0.5, &FaultScript::throttle_logins, always},
      {"sends throttled", 0.5, &FaultScript::throttle_sends, always},
      {"PUBACKs withheld", 0.5, &FaultScript::withhold_pubacks, always},
      {"PUBACKs late", 0.5, &FaultScript::delay_pubacks, always},
      {"cut inside a message", 0.5, &FaultScript::cut_inside_message, always},
      {"many connections dropped in one second", 0.7, &FaultScript::drop_everybody, always},
      {"twins answer 429 or 5xx", 0.5, &FaultScript::twin_status, always},
      {"a second holder of an identity", 0.5, &FaultScript::second_holder, always},
      // DPS.
      {"DPS down", 0.5, &FaultScript::dps_down, always},
      {"DPS refuses", 1, &FaultScript::dps_status, always},
      {"DPS says failed or disabled", 1, &FaultScript::dps_verdict, always},
      // The machine.
      {"gateway killed", 0.8, &FaultScript::kill_gateway, always},
      {"gateway killed, disk mounted anew", 0.7, &FaultScript::mount_anew, with_remounts},
      {"power cut", 0.7, &FaultScript::cut_power, always},
      {"devices removed from the configuration", 0.4, &FaultScript::remove_devices, always},
      {"wall clock steps", 2, &FaultScript::step_clock, with_clock_faults},
      {"disk full", 0.6, &FaultScript::disk_full, with_disk_faults},
      {"disk read-only", 0.5, &FaultScript::disk_read_only, with_disk_faults},
      {"disk broken", 0.5, &FaultScript::disk_broken, with_disk_faults},
      {"syncs fail", 0.5, &FaultScript::disk_sync_fails, with_disk_faults},
      {"disk slow", 0.5, &FaultScript::disk_slow, with_disk_faults},
      {"store damaged", 0.15, &FaultScript::disk_damaged, with_disk_faults},
  };
  return table;
}
// clang-format on

void FaultScript::fail_over_device() {
  (void)stage_.cloud.fail_over(some_device(), some_hub(), perhaps_for_a_while(), now());
}

void FaultScript::fail_over_devices() {
  const auto back = perhaps_for_a_while();
  const auto to = some_hub();
  for (const auto& device : some_devices()) (void)stage_.cloud.fail_over(device, to, back, now());
}

void FaultScript::fail_over_hub() {
  stage_.cloud.fail_over_hub(some_hub(), std::nullopt, perhaps_for_a_while(), now());
}

void FaultScript::block_device() {
  const auto device = some_device();
  (void)stage_.cloud.block(device, true, now());
  at(end(), [this, device] { (void)stage_.cloud.block(device, false, now()); });
}

void FaultScript::disable_device() {
  const auto device = some_device();
  (void)stage_.cloud.disable(device, chance() < 0.5, now());
  at(end(), [this, device] { (void)stage_.cloud.enable(device); });
}

void FaultScript::delete_device() { (void)stage_.cloud.remove_identity(some_device(), now()); }

// The devices that are connected stay so; whoever registers hears `disabled`.
void FaultScript::disable_enrollment() {
  (void)stage_.cloud.disable_enrollment("plant", true);
  at(end(), [this] { (void)stage_.cloud.disable_enrollment("plant", false); });
  if (chance() < 0.5) fail_over_devices();
}

void FaultScript::cut_network() {
  stage_.network.set_cut(true);
  at(end(), [this] { stage_.network.set_cut(false); });
}

void FaultScript::slow_network() {
  stage_.network.set_latency_factor(5 + 20 * chance());
  at(end(), [this] { stage_.network.set_latency_factor(1); });
}

void FaultScript::lose_name() {
  const auto place = chance() < 0.2 ? simcloud::kDps : some_hub();
  const std::string host = stage_.cloud.world().places[place].host;
  stage_.network.set_name_unknown(host, true);
  at(end(), [this, host] { stage_.network.set_name_unknown(host, false); });
}

void FaultScript::black_hole() {
  const auto place = chance() < 0.2 ? simcloud::kDps : some_hub();
  const std::string host = stage_.cloud.world().places[place].host;
  stage_.network.set_black_hole(host, true);
  at(end(), [this, host] { stage_.network.set_black_hole(host, false); });
}

void FaultScript::half_open() { stage_.network.forget_silently(some_devices()); }

void FaultScript::hub_down() { for_a_while({.kind = FaultKind::Down, .place = some_hub()}, end()); }

void FaultScript::hub_silent() {
  for_a_while({.kind = FaultKind::Silent, .place = some_hub()}, end());
}

void FaultScript::hub_busy() {
  for_a_while({.kind = FaultKind::Connack, .place = some_hub(), .code = 3}, end());
}

// Section 3.10: the daily quota is used up. Every hub accepts, and closes.
void FaultScript::quota_loop() {
  const auto until = in(120, 900);
  const auto delay = std::chrono::milliseconds(static_cast<int>(50 + 2000 * chance()));
  const bool everywhere = chance() < 0.5;
  const auto one = some_hub();
  for (simcloud::Place hub = 1; hub <= stage_.scale.hubs; ++hub) {
    if (!everywhere && hub != one) continue;
    for_a_while({.kind = FaultKind::CloseAfterConnack, .place = hub, .delay = delay}, until);
  }
}

void FaultScript::throttle_logins() {
  for_a_while({.kind = FaultKind::ConnectRate,
               .place = some_hub(),
               .per_second = stage_.scale.limits.connections_per_second / 4,
               .close_excess = chance() < 0.5},
              end());
}

void FaultScript::throttle_sends() {
  const double usual = static_cast<double>(stage_.scale.devices) /
                       static_cast<double>(stage_.scale.between_readings.count());
  for_a_while({.kind = FaultKind::SendRate,
               .place = some_hub(),
               .per_second = std::max(0.2, usual * (0.2 + 1.5 * chance()))},
              end());
}

// Recorded: a hub that drops a QoS 1 message and keeps the connection does not exist.
void FaultScript::withhold_pubacks() {
  for_a_while({.kind = FaultKind::PubackWithhold, .device = some_device(), .record = true}, end());
}

void FaultScript::delay_pubacks() {
  for_a_while({.kind = FaultKind::PubackDelay,
               .place = some_hub(),
               .delay = std::chrono::milliseconds(static_cast<int>(1000 + 20'000 * chance()))},
              end());
}

void FaultScript::cut_inside_message() {
  stage_.cloud.add_fault({.kind = FaultKind::Cut,
                          .device = some_device(),
                          .record = chance() < 0.5,
                          .after = static_cast<std::uint64_t>(chance() * 3),
                          .times = 1},
                         now());
}

void FaultScript::drop_everybody() {
  for (const auto& device : some_devices()) (void)stage_.cloud.drop(device, now());
}

void FaultScript::twin_status() {
  constexpr int kStatus[] = {429, 500, 503};
  for_a_while({.kind = FaultKind::TwinStatus,
               .place = some_hub(),
               .code = kStatus[static_cast<int>(chance() * 3)]},
              end());
}

void FaultScript::second_holder() {
  const auto device = some_device();
  holders_[device] = std::make_unique<SecondHolder>(
      stage_.cloud, stage_.network, device, simcloud::derive_device_key(group_key(), device));
  at(in(60, 900), [this, device] { holders_.erase(device); });
}

void FaultScript::dps_down() {
  for_a_while({.kind = FaultKind::Down, .place = simcloud::kDps}, end());
}

void FaultScript::dps_status() {
  constexpr int kStatus[] = {401, 404, 429, 500, 503};
  const int status = kStatus[static_cast<int>(chance() * 5)];
  for_a_while({.kind = FaultKind::DpsAnswer,
               .place = simcloud::kDps,
               .code = status,
               .retry_after = status == 429 ? 30s : 0s,
               .at_poll = chance() < 0.3},
              end());
}

void FaultScript::dps_verdict() {
  const bool failed = chance() < 0.7;
  for_a_while({.kind = FaultKind::DpsAnswer,
               .place = simcloud::kDps,
               .device = some_device(),
               .error_code = chance() < 0.5 ? 400207 : 400209,
               .text = failed ? "failed" : "disabled"},
              end());
}

void FaultScript::kill_gateway() { stage_.gateway.crash(Death::Process); }
void FaultScript::mount_anew() { stage_.gateway.crash(Death::Disk); }
void FaultScript::cut_power() { stage_.gateway.crash(Death::Power); }

void FaultScript::remove_devices() {
  std::set<std::size_t> removed;
  for (std::size_t i = 0; i < stage_.scale.devices; ++i) {
    if (chance() < 0.2) removed.insert(i);
  }
  if (removed.size() == stage_.scale.devices) removed.clear();
  stage_.gateway.restart_without(std::move(removed));
  at(end(), [this] { stage_.gateway.restart_without({}); });
}

// By minutes, or by years either way; NTP puts it right again. Meanwhile it claims to be right.
void FaultScript::step_clock() {
  const double way = chance();
  const auto years = std::chrono::hours(24 * 365 * (1 + static_cast<int>(9 * chance())));
  const std::chrono::milliseconds by =
      way < 0.5
          ? std::chrono::milliseconds(static_cast<std::int64_t>((chance() - 0.5) * 3.6e6))
          : (way < 0.75 ? -std::chrono::milliseconds(years) : std::chrono::milliseconds(years));
  stage_.machine.step_wall_clock(by);
  at(end(), [this] { stage_.machine.set_wall_clock(); });
}

void FaultScript::disk_full() {
  auto& disk = stage_.machine.disk();
  std::uint64_t used = 0;
  for (const auto& path : disk.files()) used += disk.read(path).size();
  disk.set_capacity(used + static_cast<std::uint64_t>(50'000 * chance()));
  stage_.books.on_disk_fault();
  at(end(), [this] { repair_disk(); });
}

void FaultScript::disk_read_only() {
  stage_.machine.disk().set_read_only(true);
  stage_.books.on_disk_fault();
  at(end(), [this] { repair_disk(); });
}

void FaultScript::disk_broken() {
  stage_.machine.disk().set_broken(true);
  stage_.books.on_disk_fault();
  at(end(), [this] { repair_disk(); });
}

void FaultScript::disk_sync_fails() {
  stage_.machine.disk().fail_syncs(1 + static_cast<int>(5 * chance()));
  stage_.books.on_disk_fault();
  at(end(), [this] { repair_disk(); });
}

void FaultScript::disk_slow() {
  stage_.machine.set_commit_delay(
      std::chrono::milliseconds(static_cast<int>(50 + 3000 * chance() * chance())));
  at(end(), [this] { repair_disk(); });
}

// Somebody writes over the end of the file while it is in use.
void FaultScript::disk_damaged() {
  auto& disk = stage_.machine.disk();
  const auto path = SimulatedMachine::store_path();
  const std::size_t size = disk.read(path).size();
  if (size == 0) return;
  stage_.books.on_disk_damaged();
  disk.damage(path, static_cast<std::size_t>(chance() * static_cast<double>(size)));
}

}  // namespace hubward::simulation
