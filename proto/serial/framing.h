// How the frames of a byte stream are told apart: what the configuration says of it.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "proto/serial/checksum.h"

namespace hubward::serial {

// Lines, and frames between marks: up to `end`, from `start` if there is one.
struct Delimited {
  std::string start{};              // empty: none
  std::string end = "\r\n";         // never empty
  std::size_t bytes_after_end = 0;  // that still belong to the frame: a check behind ETX
};

// Frames of one length.
struct FixedLength {
  std::string start{};    // may be empty; part of the frame
  std::size_t bytes = 0;  // of the whole frame; more than `start`
};

// Frames that say how long they are.
struct LengthPrefixed {
  std::string start{};     // may be empty; part of the frame
  std::size_t offset = 0;  // of the length field, from the frame's first byte; not within `start`
  std::size_t width = 1;   // bytes of it: 1, 2 or 4
  ByteOrder byte_order = ByteOrder::HighFirst;
  enum class Counts : std::uint8_t {
    Rest,  // the bytes behind the field
    Frame  // all bytes of the frame
  } counts = Counts::Rest;
  std::int64_t add = 0;  // bytes that the device does not count, e.g. 2 for a CRC
};

// Frames whose data may hold the marks, because an escape byte stands in front of such data.
struct Stuffed {
  char escape = '\x10';  // DLE
  char start = '\x02';   // STX
  char end = '\x03';     // ETX; the three differ
  // True: DLE STX data DLE ETX, and a DLE in the data is doubled.
  // False: STX data ETX, and a DLE stands in front of STX, ETX and DLE in the data.
  bool marks_escaped = true;
  std::uint8_t escape_xor = 0;      // a data byte behind an escape was changed by this
  std::size_t bytes_after_end = 0;  // not stuffed
};

// Frames between silences.
struct Gap {
  std::chrono::milliseconds silence{20};
};

struct FrameSettings {
  std::variant<Delimited, FixedLength, LengthPrefixed, Stuffed, Gap> framing;
  std::optional<CheckSettings> check{};
  std::size_t bytes_max = 1024;  // of a frame without the marks of Delimited, else of the whole
};

// The bytes on the wire of the shortest frame whose content has so many.
[[nodiscard]] std::size_t least_frame_bytes(const FrameSettings& settings,
                                            std::size_t content_bytes);

// Why frames cannot be told apart like this; empty if they can.
[[nodiscard]] std::string framing_problem(const FrameSettings& settings);

}  // namespace hubward::serial
