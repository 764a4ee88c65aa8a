// simulate [--seed N] [--seeds N] [--devices N] [--minutes N] [--narrate]
// Runs the deterministic simulation for one seed or many and says what came of it. Exit status 1 if
// anything happened that never may; the line printed for a failing seed replays it.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "tests/sim/simulation/simulation.h"

namespace {

using namespace hubward::simulation;

bool run(const SimulationSettings& settings, Outcome& total) {
  const Outcome outcome = Simulation(settings).run();
  total.acknowledged += outcome.acknowledged;
  total.received += outcome.received;
  total.lost_in_power_cut += outcome.lost_in_power_cut;
  total.quarantined += outcome.quarantined;
  total.repeated += outcome.repeated;
  total.crashes += outcome.crashes;
  total.power_cuts += outcome.power_cuts;
  total.failovers += outcome.failovers;
  total.faults += outcome.faults;
  total.dps_conversations += outcome.dps_conversations;
  total.hub_connects += outcome.hub_connects;
  total.longest_return = std::max(total.longest_return, outcome.longest_return);
  if (outcome.violations.empty()) return true;
  std::printf(
      "seed %llu fails; replay: simulate --seed %llu --devices %zu --minutes %lld --narrate\n",
      static_cast<unsigned long long>(settings.seed),
      static_cast<unsigned long long>(settings.seed), settings.devices,
      static_cast<long long>(settings.faults_for.count()));
  for (const auto& violation : outcome.violations) std::printf("  %s\n", violation.c_str());
  return false;
}

}  // namespace

int main(int argc, char** argv) {
  SimulationSettings settings;
  unsigned long long seeds = 1;
  for (int i = 1; i < argc; ++i) {
    const std::string option = argv[i];
    if (option == "--narrate") {
      settings.narrate = true;
      continue;
    }
    if (i + 1 == argc) {
      std::fprintf(stderr, "%s needs a number\n", option.c_str());
      return 2;
    }
    const unsigned long long number = std::strtoull(argv[++i], nullptr, 10);
    if (option == "--seed") {
      settings.seed = number;
    } else if (option == "--seeds") {
      seeds = number;
    } else if (option == "--devices") {
      settings.devices = number;
    } else if (option == "--minutes") {
      settings.faults_for = std::chrono::minutes(number);
    } else {
      std::fprintf(stderr, "unknown option %s\n", option.c_str());
      return 2;
    }
  }
  Outcome total;
  unsigned long long failed = 0;
  const auto started = std::chrono::steady_clock::now();
  for (unsigned long long i = 0; i < seeds; ++i) {
    if (!run(settings, total)) ++failed;
    ++settings.seed;
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - started;
  std::printf(
      "%llu seeds, %llu failed, %.1f s: acknowledged=%llu received=%llu "
      "lost_within_sync_window=%llu quarantined=%llu repeated=%llu faults=%llu failovers=%llu "
      "crashes=%llu power_cuts=%llu dps_conversations=%llu hub_connects=%llu "
      "longest_return_s=%lld\n",
      seeds, failed, took.count(), static_cast<unsigned long long>(total.acknowledged),
      static_cast<unsigned long long>(total.received),
      static_cast<unsigned long long>(total.lost_in_power_cut),
      static_cast<unsigned long long>(total.quarantined),
      static_cast<unsigned long long>(total.repeated),
      static_cast<unsigned long long>(total.faults),
      static_cast<unsigned long long>(total.failovers),
      static_cast<unsigned long long>(total.crashes),
      static_cast<unsigned long long>(total.power_cuts),
      static_cast<unsigned long long>(total.dps_conversations),
      static_cast<unsigned long long>(total.hub_connects),
      static_cast<long long>(total.longest_return.count()));
  return failed == 0 ? 0 : 1;
}
