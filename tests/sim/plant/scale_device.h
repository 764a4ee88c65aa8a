#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>

#include "tests/sim/plant/device.h"
#include "tests/sim/plant/pty.h"
#include "tests/sim/plant/scale_model.h"

namespace hubward::plant {

// A weighing scale that says a line by itself, at a fixed rate, while somebody has the port open.
class ScaleDevice final : public Device {
 public:
  ScaleDevice(std::string id, std::filesystem::path link, double lines_per_s,
              Sequence first_sequence);
  ~ScaleDevice() override;

  [[nodiscard]] std::string_view id() const override { return id_; }
  [[nodiscard]] std::string_view kind() const override { return "scale"; }
  void describe(json::Writer& writer) const override;
  void write_counters(json::Writer& writer) const override;
  void write_values(json::Writer& writer) override;
  void write_writes(json::Writer& writer) const override;
  void start() override;
  void stop() override;
  // Kinds: half_line, overlong, garbage, no_match, bad_number, silent; see README.md.
  Status inject(const json::Value& order) override;
  void heal() override;
  Status send(const json::Value& order) override;
  Status plug(bool in) override;
  Status set_rate(double samples_per_s) override;
  void shut_down() override;

 private:
  using SteadyClock = std::chrono::steady_clock;

  void run(const std::stop_token& stop);
  void look_for_reader(SteadyClock::time_point now);
  void say_line(SteadyClock::time_point now);
  bool put(std::string_view text);

  const std::string id_;
  mutable std::mutex mutex_;  // guards everything below
  std::condition_variable_any wake_;
  Pty pty_;
  ScaleModel model_;
  SteadyClock::time_point moved_;
  SteadyClock::time_point next_line_;
  SteadyClock::time_point reader_since_;
  bool had_reader_ = false;
  bool running_ = true;
  bool half_line_open_ = false;  // bytes without a line end went out: the next line is spoiled
  std::uint32_t half_lines_ = 0;
  double lines_per_s_;
  Sequence next_sequence_;
  UnconfirmedSamples unconfirmed_;
  std::uint64_t lines_ = 0;
  std::uint64_t bad_lines_ = 0;
  std::uint64_t not_taken_ = 0;
  std::jthread thread_;  // last: it uses all the above
};

}  // namespace hubward::plant
