#include "adapters/serial/line_need.h"

#include <algorithm>
#include <string>

#include "adapters/serial/line_pattern.h"
#include "proto/serial/command.h"

namespace hubward::serial {
namespace {

std::size_t least_pattern_bytes(const std::string& pattern) {
  if (pattern.empty()) return 1;
  const auto compiled = LinePattern::compile(pattern);
  return compiled ? compiled->least_bytes() : 1;
}

// What a frame's content holds at least, so that the tag's value is in it.
struct LeastContent {
  const DeviceSettings& device;

  std::size_t operator()(const PatternGroup&) const { return least_pattern_bytes(device.pattern); }
  std::size_t operator()(const CsvColumn& place) const {
    return std::max<std::size_t>(place.number, 1);  // a separator behind each one before it
  }
  std::size_t operator()(const FixedColumns& place) const { return place.from - 1 + place.width; }
  std::size_t operator()(const JsonMember&) const { return 2; }
  std::size_t operator()(const BinaryField& place) const {
    return place.offset + width_bytes(place.type);
  }
  std::size_t operator()(const OnlyWritten&) const { return 1; }
};

std::size_t least_answer(const DeviceSettings& device, std::size_t request) {
  std::size_t content = 1;
  for (const TagSettings& tag : device.tags) {
    // Which answer holds a tag that names none is known where there is only one.
    if (tag.request.value_or(device.requests.size() == 1 ? request : ~request) != request) continue;
    content = std::max(content, std::visit(LeastContent{device}, tag.where));
  }
  return least_frame_bytes(device.frames, content);
}

std::size_t request_bytes(const DeviceSettings& device, std::size_t request) {
  const auto command = CommandTemplate::parse(device.requests[request].send);
  const auto& check = device.frames.check;
  return command ? command->bytes("", check ? &*check : nullptr).size() : 0;
}

// Start, eight data bits and stop: the least that a line behind a converter has, whose form nobody
// said.
constexpr unsigned kBitsBehindConverter = 10;

}  // namespace

std::optional<std::chrono::nanoseconds> byte_time(const LineSettings& line) {
  std::uint32_t baud = line.baud_behind.value_or(0);
  unsigned bits = kBitsBehindConverter;
  if (const auto* port = std::get_if<SerialSettings>(&line.attachment)) {
    baud = port->baud;
    bits = 1U + port->data_bits + (port->parity == Parity::None ? 0U : 1U) + port->stop_bits;
  }
  if (baud == 0) return std::nullopt;
  return std::chrono::nanoseconds{std::chrono::seconds{bits}} / baud;
}

std::chrono::nanoseconds least_exchange(const DeviceSettings& device, std::size_t request,
                                        std::chrono::nanoseconds byte) {
  std::chrono::nanoseconds around = kLeastPauseBeforeAnswer;
  // Only the silence behind it says that the answer is over.
  if (const auto* gap = std::get_if<Gap>(&device.frames.framing)) around += gap->silence;
  const std::size_t bytes = request_bytes(device, request) + least_answer(device, request);
  return byte * static_cast<std::int64_t>(bytes) + around;
}

}  // namespace hubward::serial
