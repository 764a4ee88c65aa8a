#include "gateway/cli/wire_text.h"

#include <array>
#include <cstdio>

#include "proto/serial/escapes.h"

namespace hubward::cli {
namespace {

constexpr std::size_t kBytesInRow = 16;
constexpr std::size_t kFrameShown = 200;

std::string time_of_day(WallTime at) {
  const auto day = std::chrono::floor<std::chrono::days>(at);
  const std::chrono::hh_mm_ss time(at - day);
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%02d:%02d:%02d.%03d",
                static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()),
                static_cast<int>(time.seconds().count()),
                static_cast<int>(time.subseconds().count()));
  return text.data();
}

std::string pause_text(std::optional<std::chrono::nanoseconds> pause) {
  std::array<char, 32> text{};
  if (!pause) return std::string(12, ' ');
  std::snprintf(text.data(), text.size(), "%+10.3f s",
                std::chrono::duration<double>(*pause).count());
  return text.data();
}

std::string row(std::string_view bytes) {
  std::string hex;
  std::string characters;
  for (const char c : bytes) {
    std::array<char, 4> digits{};
    std::snprintf(digits.data(), digits.size(), "%02X ", static_cast<unsigned char>(c));
    hex += digits.data();
    characters.push_back(c >= ' ' && c <= '~' ? c : '.');
  }
  hex.resize(3 * kBytesInRow, ' ');
  return hex + " " + characters;
}

}  // namespace

std::string bytes_text(WallTime at, std::optional<std::chrono::nanoseconds> pause,
                       std::string_view bytes) {
  std::string head = time_of_day(at) + pause_text(pause);
  std::string out;
  for (std::size_t begin = 0; begin < bytes.size(); begin += kBytesInRow) {
    out += head + "  " + row(bytes.substr(begin, kBytesInRow)) + "\n";
    head.assign(head.size(), ' ');
  }
  return out;
}

std::string frame_text(std::string_view what, std::string_view bytes) {
  std::string out = std::string(what) + " of " + std::to_string(bytes.size()) +
                    (bytes.size() == 1 ? " byte: " : " bytes: ");
  out += serial::text_from_bytes(bytes.substr(0, kFrameShown));
  if (bytes.size() > kFrameShown) out += " ...";
  return out + "\n";
}

}  // namespace hubward::cli
