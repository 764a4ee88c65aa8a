// What a test orders the proxy to do to connections.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "proto/json.h"

namespace hubward::simproxy {

// Counts from 1 and is never used twice.
using ConnectionId = std::uint64_t;
using RuleId = std::uint64_t;

// Up: from the client to the service. Down: back.
enum class Direction : std::uint8_t { Up, Down };

enum class Kind : std::uint8_t {
  Delay,    // bytes arrive later
  Stall,    // bytes are held back, the connection stays
  Swallow,  // bytes and ends vanish: a half-open connection
  Cut,      // the connection ends after a number of bytes
  Dribble,  // a few bytes at a time
  Rate,     // so many bytes a second
  Refuse,   // nobody listens
  Hang,     // accepted by TCP, and nothing else
};

// How the two ends learn of a cut.
enum class Ending : std::uint8_t { Reset, Goodbye };

enum class Which : std::uint8_t {
  All,
  Open,  // those which are open when the rule is made
  New,   // those which begin later
};

struct Rule {
  Kind kind = Kind::Stall;
  std::string target;                  // empty: every target
  std::optional<Direction> direction;  // empty: both
  Which which = Which::All;
  std::optional<ConnectionId> connection;  // only this one
  std::optional<unsigned> times;           // at most so many connections, first come
  std::chrono::milliseconds duration{0};   // 0: until deleted
  std::chrono::milliseconds delay{0};
  std::chrono::milliseconds jitter{0};  // added to `delay`, uniform from 0
  std::uint64_t after = 0;              // a cut lets so many bytes of the direction pass,
  std::uint64_t after_max = 0;          // or a number drawn up to this one, both included
  Ending ending = Ending::Reset;
  std::uint64_t bytes = 0;             // of a piece
  std::chrono::milliseconds every{0};  // between pieces
};

[[nodiscard]] std::string_view name_of(Kind kind);
[[nodiscard]] std::string_view name_of(Direction direction);

// The body of POST /rules, see README.md. Errors say what would be right.
[[nodiscard]] Result<Rule> parse_rule(const json::Value& body,
                                      std::span<const std::string> targets);

}  // namespace hubward::simproxy
