#include "proto/hub/sas.h"

#include <doctest/doctest.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <string>

using namespace hubward;

namespace {

using Bytes = std::vector<std::byte>;

Bytes hmac_sha256(const Bytes& key, std::string_view message) {
  Bytes result(32);
  unsigned length = 0;
  HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(message.data()), message.size(),
       reinterpret_cast<unsigned char*>(result.data()), &length);
  REQUIRE(length == 32);
  return result;
}

// The bytes 00 to 3F.
Bytes group_key() {
  return *base64_decode(
      "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw==");
}

Bytes device_key() { return hmac_sha256(group_key(), hub::group_key_message("press-line-07")); }

constexpr WallTime kExpiry{std::chrono::seconds{1767225600}};

}  // namespace

TEST_CASE("a device's key is derived from the group's key") {
  CHECK(base64_encode(device_key()) == "+Gfv3/JZ7rP+mHGaPcovtJgI9hGKDUiL5pS0oQBxjyQ=");
}

TEST_CASE("the token for DPS is the one computed by others") {
  const auto claim = hub::dps_claim("0ne00AB12CD", "press-line-07", kExpiry);
  CHECK(hub::message_to_sign(claim) == "0ne00AB12CD%2Fregistrations%2Fpress-line-07\n1767225600");
  CHECK(hub::sas_token(claim, hmac_sha256(device_key(), hub::message_to_sign(claim))) ==
        "SharedAccessSignature sr=0ne00AB12CD%2Fregistrations%2Fpress-line-07"
        "&sig=Ra5dLnQ5lTH%2Bk39TFfmLNp7K6ZzjrSjR9e4bxJzyVI8%3D&se=1767225600&skn=registration");
}

TEST_CASE("the token for a hub is the one computed by others") {
  const auto claim = hub::hub_claim("iotc-7f3a.azure-devices.net", "press-line-07", kExpiry);
  CHECK(hub::sas_token(claim, hmac_sha256(device_key(), hub::message_to_sign(claim))) ==
        "SharedAccessSignature sr=iotc-7f3a.azure-devices.net%2Fdevices%2Fpress-line-07"
        "&sig=z6b8%2BbPOdyTJ6R2I74uqs%2BA%2Fvd3Ssp9Fz42E991yVaA%3D&se=1767225600");
}

TEST_CASE("a token names the bare host, although the hub was assigned with a port") {
  const auto address = hub::HubAddress::parse("127.0.0.2:18883");
  REQUIRE(address);
  CHECK(hub::hub_claim(address->host, "d", kExpiry).resource == "127.0.0.2%2Fdevices%2Fd");
}

TEST_CASE("fractions of a second are cut off, in the message and in the token alike") {
  const auto claim = hub::hub_claim("h", "d", kExpiry + std::chrono::milliseconds{999});
  CHECK(hub::message_to_sign(claim) == "h%2Fdevices%2Fd\n1767225600");
  CHECK(hub::sas_token(claim, {}) == "SharedAccessSignature sr=h%2Fdevices%2Fd&sig=&se=1767225600");
}
