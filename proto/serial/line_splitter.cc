#include "proto/serial/line_splitter.h"

#include <utility>

namespace hubward::serial {

LineSplitter::LineSplitter(std::string delimiter, std::size_t line_bytes_max)
    : delimiter_(std::move(delimiter)), line_bytes_max_(line_bytes_max) {}

void LineSplitter::feed(std::span<const std::byte> bytes, const Sink& sink) {
  for (const std::byte byte : bytes) {
    const char c = static_cast<char>(byte);
    if (skipping_) {
      skip(c);
    } else {
      take(c, sink);
    }
  }
}

void LineSplitter::take(char byte, const Sink& sink) {
  buffer_.push_back(byte);
  if (byte == delimiter_.back() && buffer_.ends_with(delimiter_)) {
    const std::string line = std::exchange(buffer_, {});
    sink.line(std::string_view(line).substr(0, line.size() - delimiter_.size()));
    return;
  }
  // Up to here the last bytes could still have become a delimiter.
  if (buffer_.size() < line_bytes_max_ + delimiter_.size()) return;
  const std::string beginning = std::exchange(buffer_, {});
  skipping_ = true;
  // Its last bytes may be the beginning of the delimiter that ends it.
  for (const char c : beginning) skip(c);
  sink.overlong(beginning);
}

void LineSplitter::skip(char byte) {
  buffer_.push_back(byte);
  if (buffer_.ends_with(delimiter_)) {
    dropped_bytes_ += buffer_.size() - delimiter_.size();
    buffer_.clear();
    skipping_ = false;
    return;
  }
  if (buffer_.size() >= delimiter_.size()) {
    buffer_.erase(0, 1);
    ++dropped_bytes_;
  }
}

void LineSplitter::skip_to_delimiter() {
  if (skipping_) return;
  skipping_ = true;
  const std::string begun = std::exchange(buffer_, {});
  for (const char c : begun) skip(c);
}

std::string LineSplitter::abandon_line() {
  const bool skipping = std::exchange(skipping_, false);
  std::string begun = std::exchange(buffer_, {});
  return skipping ? std::string() : begun;  // while skipping it holds a piece of a delimiter only
}

}  // namespace hubward::serial
