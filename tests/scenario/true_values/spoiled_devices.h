// Modbus devices on real pseudo-terminals and TCP connections that do to their answers what lines,
// converters and tired firmware do. One thread of their own.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/scenario/true_values/witness.h"
#include "tests/support/scripted_random.h"

namespace hubward::modbus {

// What was done, so that nobody takes a test for passed in which nothing happened.
struct Spoils {
  std::atomic<std::uint64_t> answered{0};
  std::atomic<std::uint64_t> lost{0};
  std::atomic<std::uint64_t> late{0};  // after the time-out
  std::atomic<std::uint64_t> noise{0};
  std::atomic<std::uint64_t> damaged{0};
  std::atomic<std::uint64_t> echoed{0};
  std::atomic<std::uint64_t> stale_at_open{0};
  std::atomic<std::uint64_t> reordered{0};
  std::atomic<std::uint64_t> repeated{0};
  std::atomic<std::uint64_t> cut_off{0};  // connections and ports
};

// One serial line or TCP endpoint. Only the devices' thread calls it.
class SpoiledPlace {
 public:
  using Clock = std::chrono::steady_clock;
  // Runs work at its time, on the thread of the devices.
  using At = std::function<void(Clock::time_point, std::function<void()>)>;
  virtual ~SpoiledPlace() = default;
  virtual void add_files(std::vector<int>& files) const = 0;
  virtual void on_readable(int file) = 0;
  virtual void on_round() {}  // at least every 20 ms
};

// A line of RTU units behind a pseudo-terminal whose name is `link`.
std::unique_ptr<SpoiledPlace> spoiled_line(std::uint8_t number, std::filesystem::path link,
                                           bool echo, AskedLog& log, Spoils& spoils,
                                           SpoiledPlace::At at);
// An endpoint on 127.0.0.1; `port` becomes its own.
std::unique_ptr<SpoiledPlace> spoiled_endpoint(std::uint8_t number, std::uint16_t& port,
                                               AskedLog& log, Spoils& spoils, SpoiledPlace::At at);

class SpoiledDevices {
 public:
  [[nodiscard]] SpoiledPlace::At at();
  void add(std::unique_ptr<SpoiledPlace> place) { places_.push_back(std::move(place)); }
  void start() {
    thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
  }

 private:
  void run(const std::stop_token& stop);

  std::multimap<SpoiledPlace::Clock::time_point, std::function<void()>> later_;
  std::vector<std::unique_ptr<SpoiledPlace>> places_;
  std::jthread thread_;
};

// What one place holds for a request, and the bytes of the answer's frame.
[[nodiscard]] std::vector<std::byte> answer_pdu(std::uint8_t line, std::uint8_t unit,
                                                const Request& request, std::uint32_t number);

inline constexpr std::chrono::milliseconds kAnswerTimeout{100};

}  // namespace hubward::modbus
