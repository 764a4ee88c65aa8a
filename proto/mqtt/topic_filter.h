// Topic names and topic filters, MQTT 3.1.1 section 4.7.
#pragma once

#include <string_view>

namespace hubward::mqtt {

// 1 to 65535 bytes, no NUL, `#` only as the whole last level, `+` only as a whole level.
[[nodiscard]] bool is_valid_filter(std::string_view filter);

// 1 to 65535 bytes, no NUL, no wildcard.
[[nodiscard]] bool is_valid_topic(std::string_view topic);

// Whether a message on `topic` goes to a subscription of `filter`; both must be valid. A wildcard
// at the first level does not match a topic that begins with `$` [MQTT-4.7.2-1].
[[nodiscard]] bool matches(std::string_view filter, std::string_view topic);

}  // namespace hubward::mqtt
