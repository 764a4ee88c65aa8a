#include "tests/sim/simulation/simulation.h"

#include <cstdio>
#include <utility>

namespace hubward::simulation {
namespace {

using namespace std::chrono_literals;

constexpr auto kLookEvery = 10s;
// What is still waiting when everybody is back: the devices' shares of a backlog that grew for up
// to two hours, each as fast as 32 messages in flight allow, and sends that a hub just throttled.
constexpr auto kDrainWithin = 20min;

simcloud::CloudConfig cloud_config(const Scale& scale) {
  simcloud::CloudConfig config;
  config.dps_host = std::string(kDpsHost);
  config.id_scope = std::string(kIdScope);
  config.registrations_per_minute = scale.registrations_per_minute;
  config.keep_traces = false;
  config.log_bytes_max = 64 * 1024 * 1024;  // all of a seed: order_judge.h reads it at the end
  for (std::size_t i = 1; i <= scale.hubs; ++i) {
    const std::string host = "hub-" + std::to_string(i) + ".invalid";
    config.hubs.push_back({"hub-" + std::to_string(i), host, host});
  }
  return config;
}

}  // namespace

Simulation::Simulation(Scale scale, bool narrate)
    : scale_(scale),
      narrate_(narrate),
      random_(scale.seed),
      cloud_(cloud_config(scale_), random_),
      books_(scale_.devices, cloud_.world(), clock_,
             [this](const std::string& what) { complain(what); }),
      referee_(scale_, books_, [this](const std::string& what) { complain(what); }),
      network_(cloud_, world_, random_, referee_),
      machine_(scale_, clock_, random_),
      faults_({scale_, world_, cloud_, network_, machine_, books_, *this, random_}),
      counters_(scale_.devices) {
  simcloud::Enrollment group;
  group.name = "plant";
  group.group = true;
  group.keys = {group_key()};
  for (std::size_t hub = 1; hub <= scale_.hubs; ++hub) group.hubs.push_back(hub);
  (void)cloud_.enroll(std::move(group), now());
}

Simulation::~Simulation() { gateway_.reset(); }

void Simulation::say(const std::string& what) {
  if (!narrate_) return;
  const auto seconds = std::chrono::duration<double>(clock_.steady().time_since_epoch()).count();
  std::printf("%10.3f  %s\n", seconds, what.c_str());
}

void Simulation::complain(const std::string& what) {
  say("VIOLATION " + what);
  network_.violation(what);
}

SteadyTime Simulation::in(double seconds_min, double seconds_max) {
  const double seconds = seconds_min + (seconds_max - seconds_min) * random_.unit();
  return clock_.steady() + std::chrono::duration_cast<std::chrono::nanoseconds>(
                               std::chrono::duration<double>(seconds));
}

Outcome Simulation::run() {
  const SteadyTime begin = clock_.steady();
  start_gateway();
  for (std::size_t i = 0; i < scale_.devices; ++i) schedule_reading(i);
  faults_.start();
  look_at_bounds();
  run_until(clock_.steady() + scale_.faults_for);
  make_peace();
  judge();
  outcome_.figures.simulated_hours = static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::hours>(clock_.steady() - begin + 30min).count());
  outcome_.violations = network_.violations();
  return std::move(outcome_);
}

// Every fault ends, and everything must come right by itself: everybody is back, and then, while
// the plant rests, nothing waits any more.
void Simulation::make_peace() {
  faults_.end_all();
  const bool configuration_changes = !std::exchange(removed_, {}).empty();
  if (configuration_changes) stop_gateway();
  if (!gateway_) start_gateway();
  const SteadyTime peace = clock_.steady();
  const auto is_late = [&](std::chrono::seconds within) {
    return clock_.steady() > peace + within;
  };
  while (!gateway_->everybody_is_online() && !is_late(scale_.back_within())) {
    run_until(clock_.steady() + 1s);
  }
  outcome_.figures.longest_return =
      std::chrono::duration_cast<std::chrono::seconds>(clock_.steady() - peace);
  if (!gateway_->everybody_is_online()) {
    for (const auto& line : gateway_->complaints()) say(line);
    complain("not everybody is connected " + std::to_string(scale_.back_within().count()) +
             " s after the last fault");
  }
  plant_runs_ = false;
  run_until(clock_.steady() + 2min);
  while (!all_is_well() && !is_late(scale_.back_within() + kDrainWithin)) {
    run_until(clock_.steady() + 10s);
  }
}

bool Simulation::all_is_well() const {
  if (!gateway_->everybody_is_online()) return false;
  return gateway_->outbox().totals().waiting == 0;
}

// The next instant at which anything happens, anywhere; then all of it in a fixed order.
void Simulation::run_until(SteadyTime end) {
  while (true) {
    SteadyTime next = end;
    const auto consider = [&](const std::optional<SteadyTime>& at) {
      if (at && *at < next) next = std::max(*at, clock_.steady());
    };
    consider(world_.next_timer());
    consider(cloud_.next_wakeup());
    if (gateway_) {
      if (const auto at = gateway_->loop.next_timer()) consider(machine_.to_world(*at));
    }
    if (next > clock_.steady()) clock_.set_steady(next);
    machine_.follow(next);
    cloud_.advance(now());
    network_.deliver_outputs();
    world_.run_until(next);
    if (gateway_) gateway_->loop.run_until(machine_.from_world(next));
    if (narrate_) narrate_order();
    if (next >= end) return;
  }
}

void Simulation::start_gateway() {
  say("gateway starts");
  std::vector<std::size_t> configured;
  for (std::size_t i = 0; i < scale_.devices; ++i) {
    if (!removed_.contains(i)) configured.push_back(i);
  }
  gateway_ = std::make_unique<GatewayProcess>(
      GatewayProcess::Surroundings{scale_, clock_, network_, machine_, books_, referee_, random_,
                                   narrate_},
      std::move(configured));
}

// As systemd does it: what is queued is stored, and the store is closed.
void Simulation::stop_gateway() {
  if (!gateway_) return;
  say("gateway stops");
  (void)gateway_->outbox().stop();
  books_.on_death(Death::Process);
  machine_.die(Death::Process, gateway_->outbox());
  gateway_.reset();
  network_.forget_all_links(false);
}

void Simulation::crash(Death death) {
  if (!gateway_) return;
  const bool power = death == Death::Power;
  ++(power ? outcome_.figures.power_cuts : outcome_.figures.crashes);
  // The process ends where it stands: nothing is flushed, no goodbye is said.
  books_.on_death(death);
  machine_.die(death, gateway_->outbox());
  gateway_.reset();
  network_.forget_all_links(power);
  world_.call_at(in(0.5, power ? 120 : 20), [this] {
    if (!gateway_) start_gateway();
  });
  if (power) faults_.on_boot();
}

void Simulation::restart_without(std::set<std::size_t> devices) {
  removed_ = std::move(devices);
  if (!gateway_) return;
  stop_gateway();
  start_gateway();
}

void Simulation::schedule_reading(std::size_t device) {
  const double mean = static_cast<double>(scale_.between_readings.count());
  world_.call_at(in(0.2 * mean, 1.8 * mean), [this, device] {
    read(device);
    schedule_reading(device);
  });
}

void Simulation::read(std::size_t device) {
  if (!gateway_ || !plant_runs_ || removed_.contains(device)) return;
  const std::uint64_t counter = ++counters_[device];
  gateway_->deliver(device, counter, [this, device, counter](const Status& stored) {
    if (stored) books_.book(device).on_acknowledged(counter);
  });
}

void Simulation::look_at_bounds() {
  if (gateway_) {
    if (const auto queue = gateway_->unbounded()) complain("grows without bound: " + *queue);
  }
  world_.call_at(clock_.steady() + kLookEvery, [this] { look_at_bounds(); });
}

// Says when and how a message came out of order.
void Simulation::narrate_order() {
  for (const auto& [name, device] : cloud_.world().devices) {
    const auto violations = device->ledger.order_violations();
    if (violations == order_violations_[name]) continue;
    order_violations_[name] = violations;
    std::string ids;
    const auto& log = device->ledger.log();
    for (std::size_t i = log.size() > 12 ? log.size() - 12 : 0; i < log.size(); ++i) {
      ids += " " + log[i].id + "@" + std::to_string(log[i].hub);
    }
    say("ORDER " + name + ":" + ids);
  }
}

void Simulation::judge() {
  books_.on_end();
  for (std::size_t i = 0; i < scale_.devices; ++i) judge_device(i);
  Figures& figures = outcome_.figures;
  for (const auto& [name, counts] : cloud_.world().dps_counts) {
    if (counts.impatient_polls != 0) complain(name + ": polls sooner than retry-after");
  }
  figures.dps_conversations = referee_.conversations();
  figures.logins = referee_.logins();
  for (const auto& [name, times] : faults_.begun()) figures.faults += times;
}

void Simulation::judge_device(std::size_t i) {
  const std::string name = device_name(i);
  const simcloud::Device* device = cloud_.world().find_device(name);
  if (device == nullptr) return complain(name + " never reached the cloud");
  const auto& ledger = device->ledger;
  // Fresh first is judged link by link: referee.h.
  const bool is_strict = !is_fresh_first(scale_, i);
  if (ledger.without_id() != 0) complain(name + ": message without id");
  const auto series = ledger.counters().find("counter");
  const simcloud::CounterSeries none;
  const simcloud::CounterSeries& readings =
      series == ledger.counters().end() ? none : series->second;
  if (is_strict && (ledger.order_violations() != 0 || readings.order_violations != 0)) {
    const auto late = referee_.order_of(i).judge(ledger.log(), books_.book(i));
    if (ledger.order_violations() > late.forgiven) complain(name + ": order of messages violated");
    if (readings.order_violations != late.forgiven || late.unforgiven != 0) {
      complain(name + ": order of readings violated");
    }
    outcome_.figures.late += late.forgiven;
  }
  const auto sums = books_.book(i).missing(
      [&](std::uint64_t reading) { return readings.seen.contains(reading); });
  for (const auto reading : sums.unaccounted) {
    complain(name + ": reading " + std::to_string(reading) + " is lost and counted nowhere");
  }
  if (sums.waiting != 0) {
    complain(name + ": " + std::to_string(sums.waiting) + " readings still wait");
  }
  Figures& figures = outcome_.figures;
  figures.acknowledged += sums.acknowledged;
  figures.received += sums.received;
  figures.lost_in_power_cut += sums.lost_in_power_cut;
  figures.lost_with_store += sums.lost_with_store;
  figures.lost_in_memory += sums.lost_in_memory;
  figures.dropped += sums.dropped;
  figures.quarantined += sums.quarantined;
  figures.repeated += ledger.repeated();
}

}  // namespace hubward::simulation
