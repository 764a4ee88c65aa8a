#include "gateway/platform/hmac_signer.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/sha.h>

#include <array>
#include <utility>
#include <vector>

namespace hubward::platform {
namespace {

// Reference section 1.3: symmetric keys have 16 to 64 bytes.
constexpr std::size_t kKeyBytesMin = 16;
constexpr std::size_t kKeyBytesMax = 64;
// What fingerprint() signs. Any fixed text does that no service ever asks to have signed.
constexpr std::string_view kFingerprintText = "hubward key fingerprint";
constexpr std::size_t kFingerprintBytes = 8;

using Digest = std::array<unsigned char, SHA256_DIGEST_LENGTH>;

const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const auto first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

tl::unexpected<Error> bad_key(const char* why) {
  return failure(ErrorCode::Malformed, ErrorKind::Permanent, why);
}

Result<SecretText> decode_key(const SecretText& base64) {
  const std::string_view text = trimmed(base64.reveal());
  if (text.empty()) return bad_key("the key is empty");
  if (text.size() % 4 != 0 || text.size() > 4 * (kKeyBytesMax / 3 + 1)) {
    return bad_key("the key is not base64 of 16 to 64 bytes (its length is wrong)");
  }
  const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
  // EVP_DecodeBlock reads padding in the middle as zeros.
  if (text.find('=') < text.size() - padding) return bad_key("the key is not base64");
  std::string raw(text.size() / 4 * 3, '\0');
  const int length = EVP_DecodeBlock(reinterpret_cast<unsigned char*>(raw.data()), bytes_of(text),
                                     static_cast<int>(text.size()));
  if (length < 0) {
    OPENSSL_cleanse(raw.data(), raw.size());
    return bad_key("the key is not base64 (a character in it does not belong there)");
  }
  // The length counts the zero bytes that padding stands for. Within the capacity, so that no copy
  // of the key stays behind.
  raw.resize(static_cast<std::size_t>(length) - padding);
  if (raw.size() < kKeyBytesMin || raw.size() > kKeyBytesMax) {
    OPENSSL_cleanse(raw.data(), raw.size());
    return bad_key("the key has fewer than 16 or more than 64 bytes");
  }
  SecretText key{raw};
  OPENSSL_cleanse(raw.data(), raw.size());
  return key;
}

Digest hmac_sha256(const SecretText& key, std::string_view text) {
  Digest digest{};
  HMAC(EVP_sha256(), key.reveal().data(), static_cast<int>(key.reveal().size()), bytes_of(text),
       text.size(), digest.data(), nullptr);
  return digest;
}

}  // namespace

HmacSigner::HmacSigner(SecretText key, SecretText other_key)
    : key_(std::move(key)), other_key_(std::move(other_key)) {
  const Digest signature = hmac_sha256(key_, kFingerprintText);
  Digest hash{};
  SHA256(signature.data(), signature.size(), hash.data());
  for (std::size_t i = 0; i < kFingerprintBytes; ++i) {
    constexpr char kDigits[] = "0123456789abcdef";
    fingerprint_.push_back(kDigits[hash[i] >> 4]);
    fingerprint_.push_back(kDigits[hash[i] & 15]);
  }
}

Result<std::unique_ptr<Signer>> HmacSigner::from_base64(const SecretText& base64_key,
                                                        const SecretText& other_base64_key) {
  auto key = decode_key(base64_key);
  if (!key) return tl::unexpected(key.error());
  SecretText other;
  if (!other_base64_key.empty()) {
    auto decoded = decode_key(other_base64_key);
    if (!decoded) return tl::unexpected(decoded.error());
    other = std::move(*decoded);
  }
  return std::unique_ptr<Signer>(new HmacSigner(std::move(*key), std::move(other)));
}

bool HmacSigner::use_other_key() {
  if (other_key_.empty()) return false;
  std::swap(key_, other_key_);
  return true;
}

void HmacSigner::sign(std::string text, std::function<void(Result<std::string>)> done) {
  const Digest digest = hmac_sha256(key_, text);
  done(std::string(reinterpret_cast<const char*>(digest.data()), digest.size()));
}

Result<SecretText> derive_device_key(const SecretText& base64_group_key,
                                     std::string_view registration_id) {
  const auto key = decode_key(base64_group_key);
  if (!key) return tl::unexpected(key.error());
  const Digest digest = hmac_sha256(*key, registration_id);
  std::string text(4 * ((digest.size() + 2) / 3) + 1, '\0');
  const int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(text.data()), digest.data(),
                                     static_cast<int>(digest.size()));
  text.resize(static_cast<std::size_t>(length));
  SecretText derived{text};
  OPENSSL_cleanse(text.data(), text.size());
  return derived;
}

}  // namespace hubward::platform
