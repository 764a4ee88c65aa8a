#include "gateway/platform/hmac_signer.h"

#include <doctest/doctest.h>

#include <string>
#include <utility>

namespace hubward::platform {
namespace {

// Reference section 1.5.
constexpr const char* kGroupKey =
    "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw==";
constexpr const char* kDeviceKey = "+Gfv3/JZ7rP+mHGaPcovtJgI9hGKDUiL5pS0oQBxjyQ=";

std::string sign(Signer& signer, std::string text) {
  std::string signature;
  signer.sign(std::move(text), [&](Result<std::string> done) { signature = done.value(); });
  return signature;
}

std::string hex(const std::string& bytes) {
  std::string text;
  for (const char byte : bytes) {
    constexpr char kDigits[] = "0123456789abcdef";
    text += kDigits[static_cast<unsigned char>(byte) >> 4];
    text += kDigits[static_cast<unsigned char>(byte) & 15];
  }
  return text;
}

TEST_CASE("a group member's key is derived as the reference computes it") {
  const auto key = derive_device_key(SecretText{kGroupKey}, "press-line-07");
  REQUIRE(key);
  CHECK(key->reveal() == kDeviceKey);
}

TEST_CASE("tokens get the signatures of the reference") {
  auto signer = HmacSigner::from_base64(SecretText{kDeviceKey});
  REQUIRE(signer);
  // base64 Ra5dLnQ5lTH+k39TFfmLNp7K6ZzjrSjR9e4bxJzyVI8= and z6b8+bPO...yVaA=, as in section 1.5.
  CHECK(hex(sign(**signer, "0ne00AB12CD%2Fregistrations%2Fpress-line-07\n1767225600")) ==
        "45ae5d2e74399531fe937f5315f98b369ecae99ce3ad28d1f5ee1bc49cf2548f");
  CHECK(hex(sign(**signer, "iotc-7f3a.azure-devices.net%2Fdevices%2Fpress-line-07\n1767225600")) ==
        "cfa6fcf9b3ce7724c9e91d88ef8baab3e03fbdddd2b29f45cf8d84f7dd7255a0");
}

TEST_CASE("a key's fingerprint follows the key and says nothing else") {
  const auto one = HmacSigner::from_base64(SecretText{kDeviceKey});
  const auto again = HmacSigner::from_base64(SecretText{std::string(kDeviceKey) + "\n"});
  const auto other = HmacSigner::from_base64(SecretText{kGroupKey});
  REQUIRE(one);
  REQUIRE(again);
  REQUIRE(other);
  CHECK((*one)->fingerprint() == (*again)->fingerprint());
  CHECK((*one)->fingerprint() != (*other)->fingerprint());
  CHECK((*one)->fingerprint().size() == 16);
}

TEST_CASE("with two keys the other one can be taken, and the fingerprint stays the first one's") {
  const auto one = HmacSigner::from_base64(SecretText{kDeviceKey});
  const auto both = HmacSigner::from_base64(SecretText{kDeviceKey}, SecretText{kGroupKey});
  REQUIRE(one);
  REQUIRE(both);
  CHECK(sign(**both, "text") == sign(**one, "text"));
  CHECK((*both)->use_other_key());
  CHECK(sign(**both, "text") != sign(**one, "text"));
  CHECK((*both)->fingerprint() == (*one)->fingerprint());
  CHECK((*both)->use_other_key());
  CHECK(sign(**both, "text") == sign(**one, "text"));
  CHECK_FALSE((*one)->use_other_key());
  CHECK_FALSE(HmacSigner::from_base64(SecretText{kDeviceKey}, SecretText{"no key"}));
}

TEST_CASE("a key that is none is refused without showing it") {
  struct Row {
    const char* why;
    std::string text;
  };
  const Row rows[] = {
      {"empty", ""},
      {"only white space", " \n"},
      {"not base64", "this is not base64 at all!!!"},
      {"length not a multiple of four", std::string(kDeviceKey).substr(1)},
      {"fewer than 16 bytes", "AAECAwQFBgc="},
      {"more than 64 bytes", std::string(88, 'A')},
      {"far too long", std::string(100000, 'A')},
      {"padding in the middle", "+Gfv3/JZ7rP=mHGaPcovtJgI9hGKDUiL5pS0oQBxjyQ="},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    const auto signer = HmacSigner::from_base64(SecretText{row.text});
    REQUIRE_FALSE(signer);
    CHECK(signer.error().code == ErrorCode::Malformed);
    if (row.text.size() > 4) {
      CHECK(signer.error().context.find(row.text.substr(0, 4)) == std::string::npos);
    }
    CHECK_FALSE(derive_device_key(SecretText{row.text}, "press-line-07"));
  }
}

}  // namespace
}  // namespace hubward::platform
