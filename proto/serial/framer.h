// Bytes of a serial port or TCP stream to frames, whatever pieces the bytes come in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "proto/error_code.h"
#include "proto/serial/frame_end.h"
#include "proto/serial/framing.h"
#include "proto/time.h"

namespace hubward::serial {

struct Frame {
  std::string_view bytes;  // all of it, marks and check included, stuffing undone
  // What the values are taken from. Delimited, Stuffed: what lies between the marks. Else: the
  // whole frame. Without the check, if that stands at its end.
  std::string_view content;
};

// One per stream, single-threaded. Holds at most a frame and its marks, twice while it looks for
// the next beginning in a damaged one. Every byte is in a frame, dropped, or waiting.
//
// After a damaged frame it goes on at the next start mark, also within the bytes of the damaged
// one. Framings without one go on at the next delimiter, or after a silence: sliding along until
// some check fits would sooner or later take noise for a value.
class Framer {
 public:
  struct Sink {
    // The views live for the call only. A frame may be empty.
    std::function<void(const Frame& frame)> frame;
    // Dropped, with its first bytes. BadFrame: check, length or stuffing is wrong, or there are
    // bytes that no frame begins with. InputTooLong: over the limit; told once, as soon as it is
    // clear. BadPayload: cut off by a silence.
    std::function<void(ErrorCode code, std::string_view beginning)> bad;
  };

  // A device that pauses longer in the middle of a frame was cut off, and what comes next begins a
  // new one. Serial servers and USB adapters hold bytes back for 200 ms at most.
  static constexpr std::chrono::milliseconds kCutAfterSilence{1000};
  // Without marks only a silence tells where a frame begins. Devices pause at least a few
  // characters; USB adapters hold bytes back for up to 16 ms, so less would not be seen.
  static constexpr std::chrono::milliseconds kUnmarkedSilence{50};

  explicit Framer(FrameSettings settings);
  Framer(const Framer&) = delete;
  Framer& operator=(const Framer&) = delete;

  // `now` is when the bytes came.
  void feed(SteadyTime now, std::span<const std::byte> bytes, const Sink& sink);

  // When on_silence() should be called unless more bytes come: only with Gap.
  [[nodiscard]] std::optional<SteadyTime> silence_due() const;
  void on_silence(SteadyTime now, const Sink& sink);

  // For joining a stream in the middle of a frame, whose rest could pass for a whole one: drops,
  // silently but counted, what comes before a frame certainly begins.
  void join();
  // Forgets what was begun and starts anew with the next byte; returns what there was of a frame.
  std::string abandon();

  // Bytes of a frame that is not complete.
  [[nodiscard]] std::size_t bytes_waiting() const {
    return state_ == State::Inside ? buffer_.size() : 0;
  }
  // Bytes held back, among them those that may be the beginning of a mark.
  [[nodiscard]] std::size_t bytes_held() const { return buffer_.size(); }
  // Never reset.
  [[nodiscard]] std::uint64_t dropped_bytes() const { return dropped_bytes_; }

 private:
  enum class State : std::uint8_t {
    Hunting,   // for a start mark
    Inside,    // a frame, or where one begins
    Skipping,  // up to the end of a frame that is not wanted
  };

  void take(char byte, const Sink& sink);
  void hunt(char byte, const Sink& sink);
  void collect(char byte, const Sink& sink);
  void skip(char byte);
  void complete(const Sink& sink);
  void drop_damaged(const Sink& sink);
  void drop_overlong(const Sink& sink);
  void begin();
  void skip_rest();
  void tell_noise(const Sink& sink);
  void end_by_silence(const Sink& sink);
  [[nodiscard]] std::chrono::milliseconds silence() const;

  const FrameSettings settings_;
  const std::string start_;  // the mark; empty: none
  FrameEnd end_;
  State state_;
  std::string buffer_;
  std::string again_;  // bytes of damaged frames to be looked through once more, the last first
  std::size_t again_max_ = 0;  // steps of that kind that the bytes so far have paid for
  std::string noise_;          // the first bytes in front of a start mark
  std::uint64_t noise_bytes_ = 0;
  bool quiet_ = true;  // the noise was told already, or is to be expected
  std::size_t skip_after_end_ = 0;
  std::uint64_t dropped_bytes_ = 0;
  std::optional<SteadyTime> last_byte_;
};

}  // namespace hubward::serial
