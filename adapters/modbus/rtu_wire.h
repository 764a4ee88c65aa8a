#pragma once

#include <chrono>

#include "adapters/modbus/wire.h"
#include "proto/modbus/rtu.h"

namespace hubward::modbus {

// Modbus RTU on a serial line: one exchange at a time, silence between frames, and after anything
// unexpected a longer silence before the next request. An answer is taken only from the unit, with
// the function and of the size that was asked for, and never if it may be our own request that the
// line repeats to us. What an answer cannot tell is LateAnswers' part.
class RtuWire final : public Wire {
 public:
  // Silence after something unexpected. Longer than USB adapters and kernels hold bytes back
  // (16 ms is usual), so that what belongs together is thrown away together.
  static constexpr std::chrono::milliseconds kResyncSilence{50};
  // Noise, a second master or a wrong baud rate: after this long it is named instead of awaited.
  static constexpr std::chrono::seconds kNeverQuiet{3};

  // `open_silence`: after the port is opened, answers to what an earlier owner of the line asked
  // may still come; the longest response time-out on the line covers them.
  RtuWire(const RtuTiming& timing, std::chrono::milliseconds open_silence);

  void on_open(SteadyTime now) override;
  [[nodiscard]] std::vector<std::byte> begin(Ticket ticket, std::uint8_t unit,
                                             const Request& request, SteadyTime now) override;
  [[nodiscard]] std::vector<WireEvent> on_bytes(std::span<const std::byte> bytes,
                                                SteadyTime now) override;
  [[nodiscard]] std::vector<WireEvent> abandon(const GivenUp& given_up, SteadyTime now) override;
  [[nodiscard]] bool hears_answer() const override;
  [[nodiscard]] SteadyTime ready_at() const override { return last_byte_ + silence_; }
  [[nodiscard]] bool is_never_quiet(SteadyTime now) const override;

 private:
  struct Open {
    Ticket ticket;
    std::uint8_t unit;
    Request request;
    std::vector<std::byte> frame;
    bool echo_seen = false;
    bool echo_ruled_out = false;  // the answer has begun
    bool is_broadcast = false;    // nothing answers it, its echo may come
  };
  enum class Echo { NotKnown, No, Yes };  // whether the line repeats our bytes to us
  void take_frames(std::vector<WireEvent>& events);
  void match(RtuFrame frame, std::vector<WireEvent>& events);
  void answered(Answer answer, bool may_be_echo, std::vector<WireEvent>& events);
  // Compares what came with our own request; true while it may still be that.
  [[nodiscard]] bool hold_echo(std::span<const std::byte> bytes, std::vector<WireEvent>& events);
  void need_long_silence();

  RtuTiming timing_;
  std::chrono::nanoseconds open_silence_;
  RtuAnswerReader reader_;
  std::vector<std::byte> held_;  // could still become our own request
  std::optional<Open> open_;
  Echo echo_ = Echo::NotKnown;
  bool noise_reported_ = false;  // one event for one burst
  SteadyTime last_byte_;
  std::chrono::nanoseconds silence_{0};
  std::optional<SteadyTime> unquiet_since_;
};

}  // namespace hubward::modbus
