#include "proto/serial/framing.h"

#include <algorithm>

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

struct Least {
  std::size_t marks = 0;    // in front of the content and behind it
  std::size_t behind = 0;   // of those
  std::size_t content = 0;  // without the check
  std::size_t frame = 0;
};

Least least(const Delimited& framing) {
  const std::size_t behind = framing.end.size() + framing.bytes_after_end;
  return {.marks = framing.start.size() + behind, .behind = behind};
}
Least least(const FixedLength& framing) { return {.frame = framing.bytes}; }
Least least(const LengthPrefixed& framing) { return {.content = framing.offset + framing.width}; }
Least least(const Stuffed& framing) {
  const std::size_t mark = framing.marks_escaped ? 2 : 1;
  return {.marks = 2 * mark + framing.bytes_after_end, .behind = 1 + framing.bytes_after_end};
}
Least least(const Gap&) { return {}; }

}  // namespace

std::size_t least_frame_bytes(const FrameSettings& settings, std::size_t content_bytes) {
  const Least frame =
      std::visit([](const auto& framing) { return least(framing); }, settings.framing);
  std::size_t bytes = frame.marks + std::max(content_bytes, frame.content);
  // Elsewhere the check is part of the content, or of what stands behind the end.
  if (settings.check && settings.check->end_offset == frame.behind) {
    bytes += check_length(*settings.check);
  }
  return std::max(bytes, frame.frame);
}

std::string framing_problem(const FrameSettings& settings) {
  if (settings.bytes_max == 0) return "a frame of no bytes holds nothing";
  return std::visit([&](const auto& framing) { return problem(framing, settings.bytes_max); },
                    settings.framing);
}

}  // namespace hubward::serial
