// Bytes of a serial port or TCP stream to delimited lines, whatever pieces the bytes come in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace hubward::serial {

// One per stream, single-threaded. Holds at most `line_bytes_max` bytes and a delimiter.
class LineSplitter {
 public:
  struct Sink {
    // A line without its delimiter; may be empty. The text lives for the call only.
    std::function<void(std::string_view line)> line;
    // A line grew over the limit: its first bytes. Called once for each such line, as soon as it is
    // clear; the rest up to the next delimiter is dropped and counted in dropped_bytes().
    std::function<void(std::string_view beginning)> overlong;
  };

  // `delimiter` must not be empty.
  LineSplitter(std::string delimiter, std::size_t line_bytes_max);

  void feed(std::span<const std::byte> bytes, const Sink& sink);

  // Drops everything up to and including the next delimiter, silently but counted: for joining a
  // stream in the middle of a line, whose rest could pass for a whole one.
  void skip_to_delimiter();
  // Gives up the line begun, or the skipping, and starts anew with the next byte; returns what
  // there was of the line.
  std::string abandon_line();

  // Bytes of a line that has no delimiter yet.
  [[nodiscard]] std::size_t bytes_waiting() const { return skipping_ ? 0 : buffer_.size(); }
  // Bytes of overlong and skipped lines, delimiters not counted. Never reset.
  [[nodiscard]] std::uint64_t dropped_bytes() const { return dropped_bytes_; }

 private:
  void take(char byte, const Sink& sink);
  void skip(char byte);

  std::string delimiter_;
  std::size_t line_bytes_max_;
  std::string buffer_;  // while skipping: what may be the beginning of a delimiter
  bool skipping_ = false;
  std::uint64_t dropped_bytes_ = 0;
};

}  // namespace hubward::serial
