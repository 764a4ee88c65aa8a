// A regular expression with named groups, matched against whole lines or their beginnings.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "proto/result.h"

namespace hubward::serial {

// PCRE2 with limits, so that no pattern and no line can block the loop, fill the memory or run down
// the stack. One thread.
class LinePattern {
 public:
  // A pattern is written by a person; this is far more than any needs.
  static constexpr std::size_t kPatternBytesMax = 4096;
  // Steps that one match may take: usual patterns need tens. At the limit a line costs about a
  // millisecond.
  static constexpr std::uint32_t kMatchStepsMax = 50'000;
  static constexpr std::uint32_t kMatchHeapKibMax = 4096;

  enum class Covers : std::uint8_t { WholeLine, Beginning };
  // Error ConfigInvalid: "at character N: why".
  [[nodiscard]] static Result<LinePattern> compile(std::string_view pattern,
                                                   Covers covers = Covers::WholeLine);

  LinePattern(LinePattern&& other) noexcept;
  LinePattern& operator=(LinePattern&& other) noexcept;
  ~LinePattern();

  // The number of the group with that name. Nothing if the pattern has none, or several.
  [[nodiscard]] std::optional<std::uint32_t> group(const std::string& name) const;

  // No line that matches is shorter.
  [[nodiscard]] std::size_t least_bytes() const;

  // True: the line, or its beginning, matches, and captured() tells the groups until the next call.
  // Error LimitExceeded: given up.
  [[nodiscard]] Result<bool> match(std::string_view line);
  // What the group captured in the last match, a part of its line; nothing if it took no part.
  [[nodiscard]] std::optional<std::string_view> captured(std::uint32_t group) const;

 private:
  struct Compiled;
  explicit LinePattern(std::unique_ptr<Compiled> compiled);
  std::unique_ptr<Compiled> compiled_;
  std::string_view line_;
};

}  // namespace hubward::serial
