#include "proto/serial/framing.h"

namespace hubward::serial {
namespace {

std::string problem(const Delimited& framing, std::size_t) {
  if (framing.end.empty()) return "the end mark is empty";
  return framing.start == framing.end ? "start and end mark are the same" : "";
}

std::string problem(const FixedLength& framing, std::size_t bytes_max) {
  if (framing.bytes <= framing.start.size()) return "a frame holds no more than its start mark";
  return framing.bytes > bytes_max ? "a frame is longer than the most that is accepted" : "";
}

std::string problem(const LengthPrefixed& framing, std::size_t bytes_max) {
  if (framing.width != 1 && framing.width != 2 && framing.width != 4) {
    return "a length takes 1, 2 or 4 bytes";
  }
  if (framing.offset < framing.start.size()) return "the length stands within the start mark";
  return framing.offset + framing.width > bytes_max
             ? "the length stands behind the most bytes that are accepted"
             : "";
}

std::string problem(const Stuffed& framing, std::size_t) {
  const bool differ = framing.escape != framing.start && framing.escape != framing.end &&
                      framing.start != framing.end;
  return differ ? "" : "escape, start and end need to differ";
}

std::string problem(const Gap& framing, std::size_t) {
  return framing.silence.count() > 0 ? "" : "a gap of no time ends nothing";
}

}  // namespace

std::string framing_problem(const FrameSettings& settings) {
  if (settings.bytes_max == 0) return "a frame of no bytes holds nothing";
  return std::visit([&](const auto& framing) { return problem(framing, settings.bytes_max); },
                    settings.framing);
}

}  // namespace hubward::serial
