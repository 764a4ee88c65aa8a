// Arbitrary bytes as what a serial device says. The first byte says how they are split, the second
// which delimiter and pattern; columns, places, JSON members and bytes are looked for in each line
// as well. What is read must not depend on the split, memory stays bounded, and every byte is
// accounted for.
#include <cmath>
#include <cstdlib>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "adapters/serial/frame_extractor.h"
#include "proto/serial/framer.h"

using namespace hubward;
using namespace hubward::serial;

namespace {

constexpr std::size_t kLineBytesMax = 48;
const char* const kDelimiters[] = {"\r\n", "\n", "\x03", "abab"};
const char* const kPatterns[] = {
    R"((?<status>ST|US),GS,(?<weight>[+-] +\d+\.\d+)kg,#(?<seq>\d+))",
    R"((?<weight>[^;]*);(?<status>[^;]*)(?:;(?<seq>.*))?)",
    R"((?<weight>(?:\d+)*)(?<status>(?:a|b|[^x])*)(?<seq>x?))",
};

void require(bool holds) {
  if (!holds) std::abort();
}

struct Seen {
  std::vector<std::string> lines;
  std::size_t overlong = 0;
  std::uint64_t dropped = 0;
  bool operator==(const Seen&) const = default;
};

Seen split(std::span<const std::byte> bytes, std::size_t piece, const std::string& delimiter) {
  Seen seen;
  Framer framer({.framing = Delimited{.end = delimiter}, .bytes_max = kLineBytesMax});
  const Framer::Sink sink{[&](const Frame& line) { seen.lines.emplace_back(line.content); },
                          [&](ErrorCode, std::string_view) { ++seen.overlong; }};
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    framer.feed({}, bytes.subspan(at, std::min(piece, bytes.size() - at)), sink);
    require(framer.bytes_held() < kLineBytesMax + delimiter.size());
  }
  seen.dropped = framer.dropped_bytes();
  std::uint64_t accounted = seen.dropped + framer.bytes_held();
  for (const std::string& line : seen.lines) accounted += line.size() + delimiter.size();
  require(accounted == bytes.size());
  return seen;
}

FrameExtractor extractor_for(const std::string& pattern) {
  DeviceSettings settings;
  settings.pattern = pattern;
  settings.tags = {
      {.tag = {0}, .where = PatternGroup{"weight"}, .scale = 0.1, .offset = -3},
      {.tag = {1}, .where = PatternGroup{"status"}, .type = TagSettings::Type::Text},
      {.tag = {2}, .where = PatternGroup{"seq"}, .type = TagSettings::Type::Integer},
      {.tag = {3}, .where = CsvColumn{2}, .form = {.decimal_comma = true}},
      {.tag = {4}, .where = CsvColumn{0, "T"}, .form = {.unit = "*"}},
      {.tag = {5}, .where = CsvColumn{1, "", 2}, .type = TagSettings::Type::DegreesMinutes},
      {.tag = {6}, .where = FixedColumns{3, 5}, .type = TagSettings::Type::Hex},
      {.tag = {7}, .where = JsonMember{"/a/0"}},
      {.tag = {8}, .where = JsonMember{"/b"}, .type = TagSettings::Type::Text},
      {.tag = {9}, .where = BinaryField{2, BinaryType::Float32}, .scale = 1e300},
      {.tag = {10}, .where = BinaryField{1, BinaryType::Bcd16}, .when = "S"}};
  auto extractor = FrameExtractor::make(settings);
  require(extractor.has_value());
  return std::move(*extractor);
}

void look_at(FrameExtractor& extractor, const std::string& line) {
  const auto readings = extractor.extract(line);
  if (!readings) return;
  for (const TagReading& reading : *readings) {
    if (const auto* number = std::get_if<double>(&reading.value)) require(std::isfinite(*number));
    if (const auto* text = std::get_if<std::string>(&reading.value)) {
      for (const char c : *text) require(c >= ' ' && c <= '~');
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const std::string delimiter = kDelimiters[data[1] % 4];
  const auto bytes = std::as_bytes(std::span(data, size)).subspan(2);
  const Seen whole = split(bytes, bytes.size() + 1, delimiter);
  require(whole == split(bytes, 1U + data[0] % 16, delimiter));
  FrameExtractor extractor = extractor_for(kPatterns[data[1] / 4 % 3]);
  for (const std::string& line : whole.lines) look_at(extractor, line);
  return 0;
}
