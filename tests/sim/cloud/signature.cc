#include "tests/sim/cloud/signature.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <algorithm>
#include <optional>

#include "proto/base64.h"
#include "proto/percent.h"

namespace hubward::simcloud {
namespace {

constexpr std::string_view kScheme = "SharedAccessSignature ";

struct Fields {
  std::string resource;
  std::string signed_text;
  Key signature;
  std::int64_t expiry_s = 0;
};

std::optional<Fields> parse(std::string_view token) {
  if (!token.starts_with(kScheme)) return std::nullopt;
  const auto pairs = split_bag(token.substr(kScheme.size()));
  if (!pairs) return std::nullopt;
  const auto sr = find_raw(*pairs, "sr");
  const auto sig = find_raw(*pairs, "sig");
  const auto se = find_raw(*pairs, "se");
  if (!sr || !sig || !se) return std::nullopt;
  const auto resource = percent_decode(*sr);
  const auto base64 = percent_decode(*sig);
  const auto expiry = parse_decimal(*se);
  // Milliseconds since 1970 must fit: ten digits of seconds reach the year 2286.
  if (!resource || !base64 || !expiry || *expiry > 9'999'999'999) return std::nullopt;
  auto signature = base64_decode(*base64);
  if (!signature) return std::nullopt;
  return Fields{*resource, std::string(*sr) + '\n' + std::string(*se), std::move(*signature),
                *expiry};
}

bool equal_without_case(std::string_view a, std::string_view b) {
  const auto lower = [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  };
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [&](char x, char y) { return lower(x) == lower(y); });
}

}  // namespace

Key hmac_sha256(std::span<const std::byte> key, std::string_view message) {
  Key digest(EVP_MAX_MD_SIZE);
  unsigned length = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(message.data()), message.size(),
       reinterpret_cast<unsigned char*>(digest.data()), &length);
  digest.resize(length);
  return digest;
}

Key derive_device_key(const Key& group_key, std::string_view registration_id) {
  return hmac_sha256(group_key, registration_id);
}

TokenVerdict check_token(std::string_view token, std::string_view resource,
                         std::span<const Key> keys, WallTime now) {
  const auto fields = parse(token);
  if (!fields) return {.fault = TokenFault::Malformed};
  TokenVerdict verdict;
  verdict.expires = WallTime(std::chrono::seconds(fields->expiry_s));
  const bool right_key = std::any_of(keys.begin(), keys.end(), [&](const Key& key) {
    const Key expected = hmac_sha256(key, fields->signed_text);
    return expected.size() == fields->signature.size() &&
           CRYPTO_memcmp(expected.data(), fields->signature.data(), expected.size()) == 0;
  });
  if (!equal_without_case(fields->resource, resource)) {
    verdict.fault = TokenFault::WrongResource;
  } else if (!right_key) {
    verdict.fault = TokenFault::BadSignature;
  } else if (verdict.expires <= now) {
    verdict.fault = TokenFault::Expired;
  }
  return verdict;
}

std::string make_token(std::string_view resource, const Key& key, WallTime expires,
                       std::string_view key_name) {
  const auto seconds =
      std::chrono::duration_cast<std::chrono::seconds>(expires.time_since_epoch()).count();
  const std::string sr = percent_encode(resource);
  const std::string se = std::to_string(seconds);
  const std::string signature = percent_encode(base64_encode(hmac_sha256(key, sr + '\n' + se)));
  std::string token = std::string(kScheme) + "sr=" + sr + "&sig=" + signature + "&se=" + se;
  if (!key_name.empty()) token += "&skn=" + std::string(key_name);
  return token;
}

}  // namespace hubward::simcloud
