#include "tests/sim/simulation/seed_runner.h"

#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <vector>

#include "tests/sim/simulation/simulation.h"

namespace hubward::simulation {
namespace {

// The largest seed takes seconds, under the sanitizers a minute: one that takes this long hangs.
constexpr std::chrono::minutes kHangs{15};

struct Report {
  std::uint64_t seed = 0;
  bool passed = false;
  Figures figures;
};
static_assert(sizeof(Report) <= 512);  // written at once: POSIX.1 PIPE_BUF

std::string replay(std::uint64_t seed, const Overrides& overrides) {
  std::string command = "simulate --seed " + std::to_string(seed);
  if (overrides.devices) command += " --devices " + std::to_string(*overrides.devices);
  if (overrides.minutes) command += " --minutes " + std::to_string(*overrides.minutes);
  return command + " --narrate";
}

// One process that plays one seed after the other, as the parent tells it.
class Worker {
 public:
  Worker(const Overrides& overrides, std::uint64_t seed) : overrides_(overrides) { start(seed); }
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  ~Worker() { end(); }

  void start(std::uint64_t seed) {
    seed_ = seed;
    since_ = std::chrono::steady_clock::now();
    if (process_ < 0) begin();
    (void)!write(orders_, &seed, sizeof seed);
  }
  [[nodiscard]] int descriptor() const { return reports_; }
  [[nodiscard]] bool hangs() const { return std::chrono::steady_clock::now() - since_ > kHangs; }
  void kill_it() const { (void)kill(process_, SIGKILL); }

  // When the descriptor is readable. A process that is gone has failed its seed.
  Report take() {
    Report report;
    if (read(reports_, &report, sizeof report) == sizeof report) return report;
    const int status = end();
    std::printf("seed %llu fails: the process ended (%s %d); replay: %s\n",
                static_cast<unsigned long long>(seed_), WIFSIGNALED(status) ? "signal" : "status",
                WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status),
                replay(seed_, overrides_).c_str());
    return Report{.seed = seed_, .passed = false, .figures = {}};
  }

 private:
  void begin() {
    int orders[2];
    int reports[2];
    if (pipe(orders) != 0 || pipe(reports) != 0) std::abort();
    std::fflush(stdout);
    process_ = fork();
    if (process_ < 0) std::abort();
    if (process_ == 0) {
      close(orders[1]);
      close(reports[0]);
      work(orders[0], reports[1]);
    }
    close(orders[0]);
    close(reports[1]);
    orders_ = orders[1];
    reports_ = reports[0];
  }

  [[noreturn]] void work(int orders, int reports) const {
    std::uint64_t seed = 0;
    while (read(orders, &seed, sizeof seed) == sizeof seed) {
      Report report{.seed = seed, .passed = false, .figures = {}};
      report.passed = play_one(seed, overrides_, false, report.figures);
      std::fflush(stdout);
      (void)!write(reports, &report, sizeof report);
    }
    std::_Exit(0);
  }

  int end() {
    if (process_ < 0) return 0;
    close(orders_);
    close(reports_);
    // It is idle or dead. Its orders would not end by themselves, because processes forked later
    // hold that pipe as well.
    kill_it();
    int status = 0;
    (void)waitpid(process_, &status, 0);
    process_ = -1;
    return status;
  }

  const Overrides& overrides_;
  pid_t process_ = -1;
  int orders_ = -1;
  int reports_ = -1;
  std::uint64_t seed_ = 0;
  std::chrono::steady_clock::time_point since_;
};

}  // namespace

Scale Overrides::apply(Scale scale) const {
  if (devices) scale.devices = *devices;
  if (minutes) scale.faults_for = std::chrono::minutes(*minutes);
  return scale;
}

bool play_one(std::uint64_t seed, const Overrides& overrides, bool narrate, Figures& figures) {
  const Scale scale = overrides.apply(scale_of(seed));
  if (narrate)
    std::printf("seed %llu: %s\n", static_cast<unsigned long long>(seed), scale.text().c_str());
  const Outcome outcome = Simulation(scale, narrate).run();
  figures.add(outcome.figures);
  if (outcome.violations.empty()) return true;
  std::printf("seed %llu fails; replay: %s\n", static_cast<unsigned long long>(seed),
              replay(seed, overrides).c_str());
  constexpr std::size_t kShown = 10;
  for (std::size_t i = 0; i < std::min(kShown, outcome.violations.size()); ++i) {
    std::printf("  %s\n", outcome.violations[i].c_str());
  }
  return false;
}

Verdict play(const SeedRange& range, const Overrides& overrides) {
  Verdict verdict;
  std::uint64_t next = range.first;
  const std::uint64_t end = range.first + range.count;
  std::vector<std::unique_ptr<Worker>> workers;
  while (workers.size() < range.jobs && next < end) {
    workers.push_back(std::make_unique<Worker>(overrides, next++));
  }
  while (!workers.empty()) {
    std::vector<pollfd> wanted;
    for (const auto& worker : workers) wanted.push_back({worker->descriptor(), POLLIN, 0});
    (void)poll(wanted.data(), wanted.size(), 1000);
    for (std::size_t i = workers.size(); i-- > 0;) {
      if (wanted[i].revents == 0) {
        if (workers[i]->hangs()) workers[i]->kill_it();
        continue;
      }
      const Report report = workers[i]->take();
      ++verdict.played;
      verdict.large += scale_of(report.seed).large ? 1 : 0;
      verdict.failed += report.passed ? 0 : 1;
      verdict.figures.add(report.figures);
      if (range.until_failure && !report.passed) next = end;
      if (next < end) {
        workers[i]->start(next++);
      } else {
        workers.erase(workers.begin() + static_cast<std::ptrdiff_t>(i));
      }
    }
  }
  return verdict;
}

}  // namespace hubward::simulation
