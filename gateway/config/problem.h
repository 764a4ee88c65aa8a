// One thing wrong with the configuration, said so that the person who wrote it can put it right.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace hubward::config {

// Lines and columns count from 1; a column is a character, not a byte. 0: the file as a whole.
struct Position {
  std::size_t line = 0;
  std::size_t column = 0;
  friend bool operator==(const Position&, const Position&) = default;
};

struct Problem {
  // A warning does not keep the gateway from running.
  enum class Severity : std::uint8_t { Error, Warning } severity = Severity::Error;
  std::string file;  // as given: the folder named on the command line and the file inside it
  Position position;
  std::string pointer;  // JSON Pointer (RFC 6901) to the value; empty: the whole file
  std::string rule;     // fixed word, e.g. "unknown-key"
  std::string text;     // what is wrong, and what would be right. Never a secret
};

// "file:line:column: text" on one line; warnings say so.
[[nodiscard]] std::string to_line(const Problem& problem);

[[nodiscard]] bool has_errors(const std::vector<Problem>& problems);

}  // namespace hubward::config
