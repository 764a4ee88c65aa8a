// What the outbox costs: rows a second, CPU and written bytes a row (a row's release included). One
// JSON line a figure, as tests/bench/README.md says.
//   bench_outbox [FOLDER]      FOLDER: on the disk to be measured; default: the current one
#include <sys/resource.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <deque>
#include <filesystem>
#include <fstream>
#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "gateway/outbox/outbox_writer.h"
#include "gateway/outbox/store.h"
#include "tests/support/thread_loop.h"

namespace {

using namespace hubward;
using namespace hubward::outbox;
using hubward::test::SystemClock;
using hubward::test::ThreadLoop;
using std::chrono::steady_clock;

constexpr std::uint32_t kDevices = 1000;
constexpr std::size_t kBodyBytes = 250;

void figure(const std::string& name, double value, const char* unit, const char* better,
            std::optional<double> goal = std::nullopt) {
  std::printf("{\"name\":\"%s\",\"value\":%.3f,\"unit\":\"%s\",\"goal\":%s,\"better\":\"%s\"}\n",
              name.c_str(), value, unit, goal ? std::to_string(*goal).c_str() : "null", better);
  std::fflush(stdout);
}

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

std::uint64_t io(const std::string& key) {
  std::ifstream file("/proc/self/io");
  std::string word;
  std::uint64_t value = 0;
  while (file >> word >> value) {
    if (word == key + ":") return value;
  }
  return 0;
}

std::uint64_t resident_kib() {
  std::ifstream file("/proc/self/statm");
  std::uint64_t size = 0;
  std::uint64_t resident = 0;
  file >> size >> resident;
  return resident * 4;
}

// From here to `report`: time, CPU and bytes.
class Meter {
 public:
  void report(const std::string& name, std::uint64_t rows,
              std::optional<double> rate_goal = std::nullopt) const {
    const auto count = static_cast<double>(rows);
    const std::chrono::duration<double> took = steady_clock::now() - start_;
    figure(name + ".rows_per_second", count / took.count(), "1/s", "higher", rate_goal);
    figure(name + ".cpu_per_row", (cpu_seconds() - cpu_) * 1e6 / count, "us", "lower");
    figure(name + ".written_per_row", static_cast<double>(io("wchar") - written_) / count, "bytes",
           "lower");
    figure(name + ".to_disk_per_row", static_cast<double>(io("write_bytes") - to_disk_) / count,
           "bytes", "lower");
  }

 private:
  steady_clock::time_point start_ = steady_clock::now();
  double cpu_ = cpu_seconds();
  std::uint64_t written_ = io("wchar");
  std::uint64_t to_disk_ = io("write_bytes");
};

OutboxMessage message() {
  OutboxMessage message;
  message.created = std::chrono::floor<std::chrono::milliseconds>(std::chrono::system_clock::now());
  message.properties = {{"kind", "telemetry"}};
  message.body.assign(kBodyBytes, 'x');
  return message;
}

StoreOptions options(const std::string& path) {
  StoreOptions options;
  options.path = path;
  options.boot_id = 1;
  options.epoch_bits = [] {
    static std::uint64_t bits = 0x1234567;
    return bits++;  // no two alike: a store that was not closed begins a new epoch
  };
  return options;
}

// Batches come, and are released one batch later: an outbox whose hub keeps up.
void steady_state(const std::string& folder, std::size_t batch, std::uint64_t rows) {
  OutboxStore store(options(folder + "/store-" + std::to_string(batch) + ".db"));
  if (!store.open()) return;
  std::vector<StoreDevice> devices;
  for (std::uint32_t i = 0; i < kDevices; ++i) {
    devices.push_back(store.attach("device-" + std::to_string(i)));
  }
  std::vector<std::pair<StoreDevice, std::uint64_t>> before;
  std::uint64_t done = 0;
  const auto play = [&](std::uint64_t until) {
    auto synced = steady_clock::now();
    while (done < until) {
      std::vector<NewMessage> messages;
      for (std::size_t i = 0; i < batch; ++i) {
        messages.push_back({devices[(done + i) % kDevices], message()});
      }
      for (const auto& [device, sequence] : before) store.release(device, store.epoch(), sequence);
      before.clear();
      const auto results = store.commit(std::move(messages));
      for (std::size_t i = 0; i < batch; ++i) {
        before.emplace_back(devices[(done + i) % kDevices], results[i]->sequence);
      }
      done += batch;
      if (steady_clock::now() - synced > std::chrono::milliseconds{50}) {
        (void)store.sync();
        synced = steady_clock::now();
      }
    }
  };
  play(3 * kDevices);
  done = 0;
  const Meter meter;
  play(rows);
  meter.report("outbox.store.batch_" + std::to_string(batch), rows);
}

// An outage: rows come and stay; then the store is opened again and all are fetched and released,
// as send windows do it.
void backlog(const std::string& folder, std::uint32_t device_count, std::uint64_t rows) {
  const std::string name = "outbox.backlog.devices_" + std::to_string(device_count);
  const std::string path = folder + "/" + name + ".db";
  const std::uint64_t resident = resident_kib();
  std::vector<StoreDevice> devices;
  {
    OutboxStore store(options(path));
    if (!store.open()) return;
    for (std::uint32_t i = 0; i < device_count; ++i) {
      devices.push_back(store.attach("device-" + std::to_string(i)));
    }
    const Meter meter;
    for (std::uint64_t done = 0; done < rows; done += 100) {
      std::vector<NewMessage> messages;
      for (std::uint64_t i = 0; i < 100; ++i) {
        messages.push_back({devices[(done + i) % device_count], message()});
      }
      (void)store.commit(std::move(messages));
    }
    meter.report(name + ".append", rows);
    figure(name + ".memory_per_row",
           static_cast<double>(resident_kib() - resident) * 1024 / static_cast<double>(rows),
           "bytes", "lower", 32);
    figure(name + ".file_per_row",
           static_cast<double>(std::filesystem::file_size(path)) / static_cast<double>(rows),
           "bytes", "lower");
  }
  const auto start = steady_clock::now();
  OutboxStore store(options(path));
  if (!store.open()) return;
  const std::chrono::duration<double> opened = steady_clock::now() - start;
  figure(name + ".open", opened.count(), "s", "lower");
  const std::uint64_t before = resident_kib();
  std::uint64_t most = before;
  const Meter meter;
  for (std::uint64_t done = 0; done < rows;) {
    for (std::size_t i = 0; i < devices.size(); ++i) {
      const auto fetched = store.fetch(devices[i], nullptr, 64, store.newest_row(), {});
      if (!fetched) return;
      for (const StoredMessage& row : *fetched) store.release(devices[i], row.epoch, row.sequence);
      done += fetched->size();
      if (i % 16 == 0) (void)store.commit({});
    }
    most = std::max(most, resident_kib());
  }
  meter.report(name + ".drain", rows, 5000);
  figure(name + ".drain.memory_growth", static_cast<double>(most - before) / 1024, "MiB", "lower");
}

// Through the writer's thread, at a pace or as fast as it goes.
void through_writer(const std::string& folder, std::uint64_t rows, std::uint64_t per_second) {
  const std::string name =
      "outbox.writer." + (per_second == 0 ? "full_speed" : std::to_string(per_second));
  const SystemClock clock;
  ThreadLoop loop;
  OutboxWriter writer({.store = options(folder + "/" + name + ".db")}, clock);
  for (std::uint32_t i = 0; i < kDevices; ++i) {
    writer.attach(DeviceIndex{i}, "device-" + std::to_string(i), loop);
  }
  std::uint64_t asked = 0;
  std::uint64_t answered = 0;
  std::vector<double> waits;
  const auto start = steady_clock::now();
  const Meter meter;
  while (answered < rows) {
    const std::chrono::duration<double> passed = steady_clock::now() - start;
    const std::uint64_t due =
        per_second == 0
            ? answered + 5000
            : static_cast<std::uint64_t>(passed.count() * static_cast<double>(per_second));
    for (; asked < std::min(due, rows); ++asked) {
      const DeviceIndex device{static_cast<std::uint32_t>(asked % kDevices)};
      const auto at = steady_clock::now();
      writer.append(device, message(), [&, device, at](Result<StoredMessage> stored) {
        ++answered;
        const std::chrono::duration<double, std::milli> took = steady_clock::now() - at;
        waits.push_back(took.count());
        if (stored) writer.release(device, *stored);
      });
    }
    const auto before = answered;
    const auto until = steady_clock::now() + std::chrono::milliseconds{1};
    (void)loop.run_until([&] { return answered > before || steady_clock::now() > until; });
  }
  meter.report(name, rows);
  std::sort(waits.begin(), waits.end());
  figure(name + ".wait_p50", waits[waits.size() / 2], "ms", "lower");
  figure(name + ".wait_p99", waits[waits.size() * 99 / 100], "ms", "lower");
  (void)writer.flush_and_stop(std::chrono::seconds{10});
}

}  // namespace

int main(int count, char** arguments) {
  std::string pattern = std::string{count > 1 ? arguments[1] : "."} + "/bench-outbox-XXXXXX";
  const std::string folder = mkdtemp(pattern.data());
  steady_state(folder, 1, 20'000);
  steady_state(folder, 10, 100'000);
  steady_state(folder, 100, 300'000);
  steady_state(folder, 1000, 500'000);
  backlog(folder, kDevices, 1'000'000);
  backlog(folder, 1, 1'000'000);
  through_writer(folder, 10'000, 1000);
  through_writer(folder, 40'000, 8000);
  through_writer(folder, 200'000, 0);
  std::filesystem::remove_all(folder);
}
