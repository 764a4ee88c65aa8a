// simulate [--seed N] [--seeds N] [--seeds-long N] [--jobs N] [--until-failure]
//          [--devices N] [--minutes N] [--narrate]
// Runs the deterministic simulation for one seed or many and says what came of it. Exit status 1 if
// anything happened that never may; the line printed for a failing seed replays it.
#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string_view>
#include <thread>

#include "tests/sim/simulation/seed_runner.h"

namespace {

using namespace hubward::simulation;

struct Options {
  SeedRange range;
  Overrides overrides;
  bool narrate = false;
};

// HUBWARD_LONG=1: the nightly run.
bool is_long() {
  const char* value = std::getenv("HUBWARD_LONG");
  return value != nullptr && std::string_view(value) == "1";
}

bool parse(int argc, char** argv, Options& options) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view option = argv[i];
    if (option == "--narrate") {
      options.narrate = true;
      continue;
    }
    if (option == "--until-failure") {
      options.range.until_failure = true;
      continue;
    }
    std::uint64_t number = 0;
    const std::string_view value = i + 1 < argc ? argv[++i] : "";
    const auto* end = value.data() + value.size();
    if (value.empty() || std::from_chars(value.data(), end, number).ptr != end) {
      std::fprintf(stderr, "%s needs a number\n", option.data());
      return false;
    }
    if (option == "--seed") {
      options.range.first = number;
    } else if (option == "--seeds") {
      options.range.count = number;
    } else if (option == "--seeds-long") {
      // Instead of --seeds in the long run, and on all cores.
      if (!is_long()) continue;
      options.range.count = number;
      options.range.jobs = std::max(1U, std::thread::hardware_concurrency());
    } else if (option == "--jobs") {
      options.range.jobs = std::max(1U, static_cast<unsigned>(number));
    } else if (option == "--devices") {
      options.overrides.devices = number;
    } else if (option == "--minutes") {
      options.overrides.minutes = static_cast<std::int64_t>(number);
    } else {
      std::fprintf(stderr, "unknown option %s\n", option.data());
      return false;
    }
  }
  return true;
}

void print(const Verdict& verdict, double seconds) {
  const Figures& figures = verdict.figures;
  const auto number = [](const char* name, std::uint64_t value) {
    std::printf(" %s=%llu", name, static_cast<unsigned long long>(value));
  };
  std::printf("%llu seeds (%llu of them with 1,000 devices), %llu failed, %.1f s:",
              static_cast<unsigned long long>(verdict.played),
              static_cast<unsigned long long>(verdict.large),
              static_cast<unsigned long long>(verdict.failed), seconds);
  number("simulated_hours", figures.simulated_hours);
  number("acknowledged", figures.acknowledged);
  number("received", figures.received);
  number("dropped", figures.dropped);
  number("quarantined", figures.quarantined);
  number("lost_within_sync_window", figures.lost_in_power_cut);
  number("lost_with_damaged_store", figures.lost_with_store);
  number("lost_with_a_process_whose_disk_took_nothing", figures.lost_in_memory);
  number("repeated", figures.repeated);
  number("late", figures.late);
  number("faults", figures.faults);
  number("crashes", figures.crashes);
  number("power_cuts", figures.power_cuts);
  number("dps_conversations", figures.dps_conversations);
  number("logins", figures.logins);
  number("longest_return_s", static_cast<std::uint64_t>(figures.longest_return.count()));
  std::printf("\n");
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  if (!parse(argc, argv, options)) return 2;
  const auto started = std::chrono::steady_clock::now();
  Verdict verdict;
  if (options.range.count == 1) {
    verdict.played = 1;
    verdict.large = scale_of(options.range.first).large ? 1 : 0;
    const bool passed =
        play_one(options.range.first, options.overrides, options.narrate, verdict.figures);
    verdict.failed = passed ? 0 : 1;
  } else {
    verdict = play(options.range, options.overrides);
  }
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - started;
  print(verdict, took.count());
  return verdict.failed == 0 ? 0 : 1;
}
