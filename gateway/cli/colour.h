#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace hubward::cli {

enum class Colour : std::uint8_t { Plain, Bold, Green, Yellow, Red };

// Puts colour around words, or leaves them as they are where nobody would see it.
class Paint {
 public:
  explicit Paint(bool on) : on_(on) {}

  [[nodiscard]] std::string operator()(Colour colour, std::string_view text) const {
    if (!on_ || colour == Colour::Plain || text.empty()) return std::string(text);
    return "\x1b[" + std::string(code(colour)) + "m" + std::string(text) + "\x1b[0m";
  }

 private:
  static const char* code(Colour colour) {
    switch (colour) {
      case Colour::Bold:
        return "1";
      case Colour::Green:
        return "32";
      case Colour::Yellow:
        return "33";
      case Colour::Red:
        return "31";
      case Colour::Plain:
        break;
    }
    return "0";
  }

  bool on_;
};

// Standard output is a terminal, and nobody has set NO_COLOR (no-color.org).
[[nodiscard]] bool colour_wanted();

}  // namespace hubward::cli
