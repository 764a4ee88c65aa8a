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

}  // namespace

bool is_valid_text(std::string_view text) {
  const auto byte = [&](std::size_t i) {
    return static_cast<unsigned>(static_cast<unsigned char>(text[i]));
  };
  for (std::size_t i = 0; i < text.size();) {
    const unsigned first = byte(i);
    if (first > 0 && first < 0x80) {
      ++i;
      continue;
    }
    const Sequence sequence = sequence_of(first);
    if (sequence.length == 0 || sequence.length > text.size() - i) return false;
    if (byte(i + 1) < sequence.second_min || byte(i + 1) > sequence.second_max) return false;
    for (std::size_t k = 2; k < sequence.length; ++k) {
      if ((byte(i + k) & 0xC0U) != 0x80) return false;
    }
    i += sequence.length;
  }
  return true;
}

}  // namespace hubward
