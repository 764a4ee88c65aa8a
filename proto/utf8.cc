#include "proto/utf8.h"

#include <cstddef>

namespace hubward {
namespace {

struct Sequence {
  std::size_t length;   // bytes, 0 if the first byte can start none
  unsigned second_min;  // the second byte's range keeps out overlong forms, surrogates and
  unsigned second_max;  // everything past U+10FFFF (Unicode, table 3-7)
};

Sequence sequence_of(unsigned first) {
  if (first >= 0xC2 && first <= 0xDF) return {2, 0x80, 0xBF};
  if (first == 0xE0) return {3, 0xA0, 0xBF};
  if (first == 0xED) return {3, 0x80, 0x9F};
  if (first >= 0xE1 && first <= 0xEF) return {3, 0x80, 0xBF};
  if (first == 0xF0) return {4, 0x90, 0xBF};
  if (first >= 0xF1 && first <= 0xF3) return {4, 0x80, 0xBF};
  if (first == 0xF4) return {4, 0x80, 0x8F};
  return {0, 0, 0};
}

// The bytes of the character that the text begins with; 0 if it begins with none.
std::size_t first_character(std::string_view text) {
  const auto byte = [&](std::size_t i) {
    return static_cast<unsigned>(static_cast<unsigned char>(text[i]));
  };
  const unsigned first = byte(0);
  if (first > 0 && first < 0x80) return 1;
  const Sequence sequence = sequence_of(first);
  if (sequence.length == 0 || sequence.length > text.size()) return 0;
  if (byte(1) < sequence.second_min || byte(1) > sequence.second_max) return 0;
  for (std::size_t k = 2; k < sequence.length; ++k) {
    if ((byte(k) & 0xC0U) != 0x80) return 0;
  }
  return sequence.length;
}

}  // namespace

bool is_valid_text(std::string_view text) {
  while (!text.empty()) {
    const std::size_t bytes = first_character(text);
    if (bytes == 0) return false;
    text.remove_prefix(bytes);
  }
  return true;
}

std::string quoted_text(std::string_view said, std::size_t bytes_max) {
  std::string made;
  while (!said.empty() && made.size() < bytes_max) {
    const std::size_t bytes = first_character(said);
    if (bytes > bytes_max - made.size()) break;
    const auto first = static_cast<unsigned char>(said.front());
    if (bytes == 0) {
      made += '?';
    } else if (first < 0x20U || first == 0x7F) {
      made += ' ';
    } else {
      made.append(said.substr(0, bytes));
    }
    said.remove_prefix(bytes == 0 ? 1 : bytes);
  }
  return made;
}

}  // namespace hubward
