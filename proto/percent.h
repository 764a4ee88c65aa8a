// Percent-encoding and the `key=value&key=value` text that Azure puts into MQTT topics
// (property bags of messages, `$rid=..&$version=..` of replies).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proto/result.h"

namespace hubward {

// More pairs than any hub sends (a message's properties share 256 KB, a topic ends at 64 KB); the
// limit keeps a hostile topic from costing more than its own length.
inline constexpr std::size_t kMaxBagPairs = 512;

// Everything but A-Z a-z 0-9 - . _ ~ becomes %XX with upper-case digits; a space becomes %20.
[[nodiscard]] std::string percent_encode(std::string_view text);
void append_percent_encoded(std::string& out, std::string_view text);

// Malformed if a `%` is not followed by two hexadecimal digits. `+` stays `+`.
[[nodiscard]] Result<std::string> percent_decode(std::string_view text);

// One pair as it stands in the topic, not decoded. `key` alone has no value, `key=` an empty one.
// The views point into the text that was split.
struct RawPair {
  std::string_view key;
  std::optional<std::string_view> value;
};
// LimitExceeded beyond kMaxBagPairs. Empty parts (`a=1&&b=2`) are left out.
[[nodiscard]] Result<std::vector<RawPair>> split_bag(std::string_view text);

// The value of the first pair with that key; nothing if there is none or it has no value.
[[nodiscard]] std::optional<std::string_view> find_raw(const std::vector<RawPair>& pairs,
                                                       std::string_view key);

// A pair with key and value decoded.
struct BagPair {
  std::string key;
  std::optional<std::string> value;
  bool operator==(const BagPair&) const = default;
};
[[nodiscard]] Result<std::vector<BagPair>> parse_bag(std::string_view text);

// Decimal digits only, the whole text; nothing when it is something else or too large.
[[nodiscard]] std::optional<std::int64_t> parse_decimal(std::string_view text);

}  // namespace hubward
