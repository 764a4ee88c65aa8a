// Arbitrary bytes to a framer of any kind. The first eight bytes choose framing, check and how the
// rest is split. What is found must not depend on the split, memory stays bounded, every byte is
// accounted for, a frame's check holds, and no byte costs more than a bounded amount of work.
#include <array>
#include <cstdlib>
#include <span>
#include <string>
#include <vector>

#include "proto/serial/framer.h"

using namespace hubward;
using namespace hubward::serial;

namespace {

constexpr std::size_t kFrameBytesMax = 48;

void require(bool holds) {
  if (!holds) std::abort();
}

using Choice = std::array<std::uint8_t, 8>;

FrameSettings settings_of(const Choice& choice) {
  static const std::string marks[] = {"", "$", "\xAA", "\x55\xAA", "aa", "\x02"};
  static const std::string ends[] = {"\r\n", "\n", "\x03", "abab", "aa", "*"};
  const std::string& start = marks[choice[1] % 6];
  FrameSettings settings;
  settings.bytes_max = kFrameBytesMax;
  switch (choice[0] % 5) {
    case 0:
      settings.framing = Delimited{start, ends[choice[2] % 6], choice[3] % 3U};
      break;
    case 1:
      settings.framing = FixedLength{start, choice[2] % 48U + 1};
      break;
    case 2:
      settings.framing = LengthPrefixed{
          start,
          choice[2] % 8U,
          std::size_t{1} << choice[3] % 3,
          choice[3] % 2 == 0 ? ByteOrder::HighFirst : ByteOrder::LowFirst,
          choice[4] % 2 == 0 ? LengthPrefixed::Counts::Rest : LengthPrefixed::Counts::Frame,
          choice[4] % 9 - 4};
      break;
    case 3:
      settings.framing = Stuffed{.marks_escaped = choice[2] % 2 == 0,
                                 .escape_xor = static_cast<std::uint8_t>(choice[2] / 2),
                                 .bytes_after_end = choice[3] % 3U};
      break;
    default:
      settings.framing = Gap{};
  }
  if (choice[5] % 2 == 0) {
    using Form = CheckSettings::Form;
    settings.check = CheckSettings{
        static_cast<CheckKind>(choice[5] / 2 % (static_cast<int>(CheckKind::Crc32Bzip2) + 1)),
        static_cast<Form>(choice[6] % 3),
        choice[6] % 2 == 0 ? ByteOrder::HighFirst : ByteOrder::LowFirst,
        choice[6] / 8 % 4U,
        choice[7] % 3U,
        choice[7] / 4 % 3U};
  }
  return settings;
}

struct Seen {
  std::vector<std::string> contents;
  std::vector<std::pair<ErrorCode, std::string>> bad;
  std::uint64_t dropped = 0;
  std::size_t held = 0;
  bool operator==(const Seen&) const = default;
};

// A byte 0xF5 is a pause as well.
Seen frame(const FrameSettings& settings, std::span<const std::byte> bytes, std::size_t piece) {
  Seen seen;
  Framer framer(settings);
  const bool stuffed = std::holds_alternative<Stuffed>(settings.framing);
  std::uint64_t in_frames = 0;
  const Framer::Sink sink{[&](const Frame& found) {
                            require(found.content.size() <= found.bytes.size());
                            require(found.bytes.size() <= kFrameBytesMax + 16);
                            if (settings.check) require(check_holds(*settings.check, found.bytes));
                            in_frames += found.bytes.size();
                            seen.contents.emplace_back(found.content);
                          },
                          [&](ErrorCode code, std::string_view beginning) {
                            require(beginning.size() <= kFrameBytesMax + 16);
                            seen.bad.emplace_back(code, beginning);
                          }};
  SteadyTime now{};
  std::size_t at = 0;
  while (at < bytes.size()) {
    std::size_t end = at;
    while (end < bytes.size() && end < at + piece && bytes[end] != std::byte{0xF5}) ++end;
    if (end < bytes.size() && bytes[end] == std::byte{0xF5} && end < at + piece) ++end;
    framer.feed(now, bytes.subspan(at, end - at), sink);
    if (bytes[end - 1] == std::byte{0xF5}) {
      now += std::chrono::seconds(2);
      framer.on_silence(now, sink);
    }
    require(framer.bytes_held() <= kFrameBytesMax + 16);
    at = end;
  }
  seen.dropped = framer.dropped_bytes();
  seen.held = framer.bytes_held();
  if (!stuffed) require(in_frames + seen.dropped + seen.held == bytes.size());
  return seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Choice choice{};
  if (size <= choice.size()) return 0;
  std::copy_n(data, choice.size(), choice.begin());
  const FrameSettings settings = settings_of(choice);
  if (!framing_problem(settings).empty()) return 0;
  const auto bytes = std::as_bytes(std::span(data, size)).subspan(choice.size());
  const Seen whole = frame(settings, bytes, bytes.size() + 1);
  require(whole == frame(settings, bytes, 1));
  require(whole == frame(settings, bytes, 1U + choice[7] % 16));
  return 0;
}
