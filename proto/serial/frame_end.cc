#include "proto/serial/frame_end.h"

#include <algorithm>
#include <utility>

namespace hubward::serial {
namespace {

template <class... Fs>
struct Overloaded : Fs... {
  using Fs::operator()...;
};
template <class... Fs>
Overloaded(Fs...) -> Overloaded<Fs...>;

std::uint64_t number_at(std::string_view bytes, const LengthPrefixed& framing) {
  std::uint64_t value = 0;
  for (std::size_t i = 0; i < framing.width; ++i) {
    const std::size_t place =
        framing.byte_order == ByteOrder::HighFirst ? i : framing.width - 1 - i;
    value = value << 8 | static_cast<std::uint8_t>(bytes[framing.offset + place]);
  }
  return value;
}

std::size_t mark_bytes(const Stuffed& framing) { return framing.marks_escaped ? 2 : 1; }

}  // namespace

std::string start_mark(const FrameSettings& settings) {
  return std::visit(Overloaded{[](const Stuffed& stuffed) {
                                 return stuffed.marks_escaped
                                            ? std::string{stuffed.escape, stuffed.start}
                                            : std::string{stuffed.start};
                               },
                               [](const Gap&) { return std::string(); },
                               [](const auto& framing) { return framing.start; }},
                    settings.framing);
}

std::string unstuffed(const FrameSettings& settings, std::string_view frame) {
  const auto* stuffed = std::get_if<Stuffed>(&settings.framing);
  if (stuffed == nullptr) return std::string(frame);
  const std::size_t mark = mark_bytes(*stuffed);
  const std::size_t data_end = frame.size() - stuffed->bytes_after_end - mark;
  std::string out{stuffed->start};
  for (std::size_t i = mark; i < data_end; ++i) {
    char byte = frame[i];
    if (byte == stuffed->escape && ++i < data_end) {
      byte = static_cast<char>(static_cast<std::uint8_t>(frame[i]) ^ stuffed->escape_xor);
    }
    out.push_back(byte);
  }
  out.push_back(stuffed->end);
  return out.append(frame.substr(data_end + mark));
}

std::string_view content_of(const FrameSettings& settings, std::string_view frame) {
  const auto [before, behind] = std::visit(
      Overloaded{[](const Delimited& lines) {
                   return std::pair(lines.start.size(), lines.end.size() + lines.bytes_after_end);
                 },
                 [](const Stuffed& stuffed) {
                   return std::pair(std::size_t{1}, 1 + stuffed.bytes_after_end);
                 },
                 [](const auto&) { return std::pair(std::size_t{0}, std::size_t{0}); }},
      settings.framing);
  std::size_t end = frame.size() - behind;
  if (settings.check) {
    const auto check = check_place(*settings.check, frame.size());
    const bool at_end = check && frame.size() - settings.check->end_offset == end;
    if (at_end && *check >= before) end = *check;
  }
  return frame.substr(before, end - before);
}

void FrameEnd::reset() {
  total_.reset();
  escaped_ = false;
}

FrameEnd::Progress FrameEnd::see(std::string_view frame) {
  if (total_) return frame.size() >= *total_ ? Progress::Complete : Progress::More;
  return std::visit([&](const auto& framing) { return see(framing, frame); }, settings_.framing);
}

FrameEnd::Progress FrameEnd::end_at(std::string_view frame, std::size_t after) {
  total_ = frame.size() + after;
  return after == 0 ? Progress::Complete : Progress::More;
}

FrameEnd::Progress FrameEnd::see(const Delimited& framing, std::string_view frame) {
  const std::size_t start = framing.start.size();
  if (frame.size() >= start + framing.end.size() && frame.ends_with(framing.end)) {
    return end_at(frame, framing.bytes_after_end);
  }
  if (start > 0 && frame.size() >= 2 * start && frame.ends_with(framing.start)) {
    return Progress::BeginsNew;
  }
  // Up to here the last bytes could still have become a delimiter.
  return frame.size() >= start + settings_.bytes_max + framing.end.size() ? Progress::TooLong
                                                                          : Progress::More;
}

FrameEnd::Progress FrameEnd::see(const FixedLength& framing, std::string_view frame) {
  return frame.size() >= framing.bytes ? Progress::Complete : Progress::More;
}

FrameEnd::Progress FrameEnd::see(const LengthPrefixed& framing, std::string_view frame) {
  const std::size_t head = framing.offset + framing.width;
  if (frame.size() < head) return Progress::More;
  const auto said = static_cast<std::int64_t>(number_at(frame, framing));
  const auto least = static_cast<std::int64_t>(head);
  const std::int64_t total =
      said + framing.add + (framing.counts == LengthPrefixed::Counts::Rest ? least : 0);
  if (total < least) return Progress::Damaged;
  if (total > static_cast<std::int64_t>(settings_.bytes_max)) return Progress::Damaged;
  total_ = static_cast<std::size_t>(total);
  return frame.size() >= *total_ ? Progress::Complete : Progress::More;
}

FrameEnd::Progress FrameEnd::see(const Stuffed& framing, std::string_view frame) {
  if (frame.size() <= mark_bytes(framing)) return Progress::More;
  const char byte = frame.back();
  if (frame.size() > settings_.bytes_max) return Progress::TooLong;
  if (escaped_) {
    escaped_ = false;
    if (!framing.marks_escaped || byte == framing.escape) return Progress::More;
    if (byte == framing.end) return end_at(frame, framing.bytes_after_end);
    return byte == framing.start ? Progress::BeginsNew : Progress::Damaged;
  }
  escaped_ = byte == framing.escape;
  if (escaped_ || framing.marks_escaped) return Progress::More;
  if (byte == framing.end) return end_at(frame, framing.bytes_after_end);
  return byte == framing.start ? Progress::BeginsNew : Progress::More;
}

FrameEnd::Progress FrameEnd::see(const Gap&, std::string_view frame) {
  return frame.size() > settings_.bytes_max ? Progress::TooLong : Progress::More;
}

}  // namespace hubward::serial
