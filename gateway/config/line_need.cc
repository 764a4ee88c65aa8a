#include "gateway/config/line_need.h"

#include <algorithm>
#include <string>

#include "adapters/serial/line_pattern.h"
#include "proto/serial/command.h"

namespace hubward::config {
namespace {

std::size_t least_pattern_bytes(const std::string& pattern) {
  if (pattern.empty()) return 1;
  const auto compiled = serial::LinePattern::compile(pattern);
  return compiled ? compiled->least_bytes() : 1;
}

// What a frame's content holds at least, so that the tag's value is in it.
struct LeastContent {
  const serial::DeviceSettings& device;

  std::size_t operator()(const serial::PatternGroup&) const {
    return least_pattern_bytes(device.pattern);
  }
  std::size_t operator()(const serial::CsvColumn& place) const {
    return std::max<std::size_t>(place.number, 1);  // a separator behind each one before it
  }
  std::size_t operator()(const serial::FixedColumns& place) const {
    return place.from - 1 + place.width;
  }
  std::size_t operator()(const serial::JsonMember&) const { return 2; }
  std::size_t operator()(const serial::BinaryField& place) const {
    return place.offset + width_bytes(place.type);
  }
  std::size_t operator()(const serial::OnlyWritten&) const { return 1; }
};

std::size_t least_answer(const serial::DeviceSettings& device, std::size_t request) {
  std::size_t content = 1;
  for (const serial::TagSettings& tag : device.tags) {
    // Which answer holds a tag that names none is known where there is only one.
    if (tag.request.value_or(device.requests.size() == 1 ? request : ~request) != request) continue;
    content = std::max(content, std::visit(LeastContent{device}, tag.where));
  }
  return least_frame_bytes(device.frames, content);
}

std::size_t request_bytes(const serial::DeviceSettings& device, std::size_t request) {
  const auto command = serial::CommandTemplate::parse(device.requests[request].send);
  const auto& check = device.frames.check;
  return command ? command->bytes("", check ? &*check : nullptr).size() : 0;
}

}  // namespace

modbus::BusNeed line_need(const modbus::BusSettings& bus, const modbus::BusTiming& timing) {
  modbus::BusNeed all;
  for (const modbus::DeviceSettings& device : bus.devices) {
    const modbus::BusNeed one = device_need(device, timing);
    all.share += one.share;
    all.requests_a_s += one.requests_a_s;
  }
  return all;
}

std::optional<double> least_polling_share(const serial::LineSettings& line) {
  const auto* const port = std::get_if<SerialSettings>(&line.attachment);
  if (port == nullptr || port->baud == 0) return std::nullopt;
  using Seconds = std::chrono::duration<double>;
  const unsigned bits =
      1U + port->data_bits + (port->parity == Parity::None ? 0U : 1U) + port->stop_bits;
  const Seconds byte_time{static_cast<double>(bits) / port->baud};
  double share = 0;
  for (const serial::DeviceSettings& device : line.devices) {
    Seconds before_and_after = kLeastPauseBeforeAnswer;
    // Only the silence behind it says that the answer is over.
    if (const auto* gap = std::get_if<serial::Gap>(&device.frames.framing)) {
      before_and_after += gap->silence;
    }
    for (std::size_t i = 0; i < device.requests.size(); ++i) {
      const auto bytes = static_cast<double>(request_bytes(device, i) + least_answer(device, i));
      share += (bytes * byte_time + before_and_after) / Seconds(device.requests[i].interval);
    }
  }
  if (share == 0) return std::nullopt;
  return share;
}

}  // namespace hubward::config
