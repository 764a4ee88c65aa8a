// A configuration file as a tree that remembers where everything stands in the text. Comments and
// trailing commas are allowed, because people write these files.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/config/problem.h"

namespace hubward::config {

// A gateway.json of a large site is some 20 kB, a device with 1,000 tags some 200 kB.
inline constexpr std::size_t kFileBytesMax = 1024 * 1024;
// Our own files are 5 levels deep; more is a mistake or an attack.
inline constexpr std::size_t kDepthMax = 16;

struct Member;

struct Node {
  enum class Kind : std::uint8_t { Null, Boolean, Number, Text, List, Object };
  Kind kind = Kind::Null;
  bool boolean = false;
  std::uint32_t offset = 0;     // of its first byte in the file
  std::string text;             // of a text; a number as it was written
  std::vector<Node> items;      // of a list
  std::vector<Member> members;  // of an object, as written; a repeated key is in here twice

  [[nodiscard]] const Node* find(std::string_view key) const;  // the first of that name
};

struct Member {
  std::string key;
  std::uint32_t key_offset = 0;
  Node value;
};

struct SyntaxProblem {
  std::size_t offset = 0;
  std::string pointer;
  std::string rule;
  std::string text;
};

struct Document {
  std::optional<Node> root;  // absent: the text is not JSON
  std::vector<SyntaxProblem> problems;
};

// Never throws, never recurses; time and memory are linear in the size of the text.
[[nodiscard]] Document parse_document(std::string_view text);

// Line and column of a byte.
[[nodiscard]] Position position_of(std::string_view text, std::size_t offset);

// The node an RFC 6901 pointer names, or nullptr.
[[nodiscard]] const Node* resolve(const Node& root, std::string_view pointer);

// "/" and the key, escaped as RFC 6901 section 3 asks.
[[nodiscard]] std::string pointer_step(std::string_view key);

}  // namespace hubward::config
