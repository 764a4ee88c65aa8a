// Base64 with the standard alphabet and padding (RFC 4648, section 4), as symmetric keys and
// signatures are written.
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proto/result.h"

namespace hubward {

[[nodiscard]] std::string base64_encode(std::span<const std::byte> bytes);

// Strict: no white space, padding present, unused bits zero. Malformed otherwise, with the position
// but never the text, because what is decoded here is mostly a key.
[[nodiscard]] Result<std::vector<std::byte>> base64_decode(std::string_view text);

}  // namespace hubward
