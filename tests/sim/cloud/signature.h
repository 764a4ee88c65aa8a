// Shared access signatures as the services check them. The only file of the model that uses
// OpenSSL; it shares no code with the gateway's signer, so that neither can hide the other's error.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "proto/time.h"

namespace hubward::simcloud {

using Key = std::vector<std::byte>;

[[nodiscard]] Key hmac_sha256(std::span<const std::byte> key, std::string_view message);

// The key of a device of an enrollment group (reference section 1.3).
[[nodiscard]] Key derive_device_key(const Key& group_key, std::string_view registration_id);

enum class TokenFault : std::uint8_t { None, Malformed, WrongResource, BadSignature, Expired };

struct TokenVerdict {
  TokenFault fault = TokenFault::None;
  WallTime expires{};
};

// `resource` unencoded, e.g. "127.0.0.2/devices/press-07"; compared without regard to case, because
// the documentation lower-cases it and the SDKs do not. Any one of `keys` may have signed.
[[nodiscard]] TokenVerdict check_token(std::string_view token, std::string_view resource,
                                       std::span<const Key> keys, WallTime now);

// A token as a client makes it; for tests and load generators.
[[nodiscard]] std::string make_token(std::string_view resource, const Key& key, WallTime expires,
                                     std::string_view key_name = {});

}  // namespace hubward::simcloud
