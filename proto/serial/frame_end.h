// Where a frame ends, byte by byte, and what lies between its marks.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "proto/serial/framing.h"

namespace hubward::serial {

// The bytes that every frame begins with; empty if there are none.
[[nodiscard]] std::string start_mark(const FrameSettings& settings);

// Stuffing undone: mark, data, mark, and what follows; as it is for other framings.
[[nodiscard]] std::string unstuffed(const FrameSettings& settings, std::string_view frame);

// What is left of a whole, unstuffed frame without marks and check.
[[nodiscard]] std::string_view content_of(const FrameSettings& settings, std::string_view frame);

// Follows one frame.
class FrameEnd {
 public:
  enum class Progress : std::uint8_t {
    More,
    Complete,
    Damaged,    // this cannot become a frame
    BeginsNew,  // a start mark in the middle: the frame before was cut off
    TooLong,
  };

  // `settings` outlives it.
  explicit FrameEnd(const FrameSettings& settings) : settings_(settings) {}

  void reset();
  // `frame` from its first byte on; called for each byte, with one byte more.
  [[nodiscard]] Progress see(std::string_view frame);

 private:
  Progress see(const Delimited& framing, std::string_view frame);
  Progress see(const FixedLength& framing, std::string_view frame);
  Progress see(const LengthPrefixed& framing, std::string_view frame);
  Progress see(const Stuffed& framing, std::string_view frame);
  Progress see(const Gap& framing, std::string_view frame);
  Progress end_at(std::string_view frame, std::size_t after);

  const FrameSettings& settings_;
  std::optional<std::size_t> total_;  // as soon as it is known
  bool escaped_ = false;
};

}  // namespace hubward::serial
