#include "gateway/cli/value_text.h"

#include <array>
#include <charconv>

namespace hubward::cli {

std::string value_text(const modbus::Value& value) {
  struct Write {
    std::string operator()(bool on) const { return on ? "true" : "false"; }
    std::string operator()(std::int64_t number) const { return std::to_string(number); }
    std::string operator()(std::uint64_t number) const { return std::to_string(number); }
    std::string operator()(double number) const {
      std::array<char, 32> text{};
      const auto end = std::to_chars(text.data(), text.data() + text.size(), number).ptr;
      return {text.data(), end};
    }
    std::string operator()(const std::string& text) const {
      std::string out = "\"";
      for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        out += byte < 0x20 || byte == 0x7F ? '.' : c;
      }
      return out + "\"";
    }
  };
  return std::visit(Write{}, value);
}

}  // namespace hubward::cli
