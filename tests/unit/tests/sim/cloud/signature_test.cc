#include "tests/sim/cloud/signature.h"

#include <doctest/doctest.h>

#include "proto/base64.h"

using namespace hubward;
using namespace hubward::simcloud;

namespace {

// The vectors of the wire reference, section 1.5, computed elsewhere.
constexpr std::string_view kGroupKey =
    "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw==";
constexpr std::string_view kHubToken =
    "SharedAccessSignature sr=iotc-7f3a.azure-devices.net%2Fdevices%2Fpress-line-07&sig=z6b8%2B"
    "bPOdyTJ6R2I74uqs%2BA%2Fvd3Ssp9Fz42E991yVaA%3D&se=1767225600";
constexpr std::string_view kDpsToken =
    "SharedAccessSignature sr=0ne00AB12CD%2Fregistrations%2Fpress-line-07&sig=Ra5dLnQ5lTH%2Bk39TF"
    "fmLNp7K6ZzjrSjR9e4bxJzyVI8%3D&se=1767225600&skn=registration";
const WallTime kExpiry(std::chrono::seconds(1'767'225'600));

Key device_key() { return derive_device_key(*base64_decode(kGroupKey), "press-line-07"); }

}  // namespace

TEST_CASE("a device key is derived from the group key as the reference vector says") {
  CHECK(base64_encode(device_key()) == "+Gfv3/JZ7rP+mHGaPcovtJgI9hGKDUiL5pS0oQBxjyQ=");
}

TEST_CASE("tokens of the reference vectors are made and accepted") {
  const Key keys[] = {Key(32), device_key()};
  CHECK(make_token("iotc-7f3a.azure-devices.net/devices/press-line-07", keys[1], kExpiry) ==
        kHubToken);
  CHECK(make_token("0ne00AB12CD/registrations/press-line-07", keys[1], kExpiry, "registration") ==
        kDpsToken);
  const auto verdict = check_token(kHubToken, "iotc-7f3a.azure-devices.net/devices/press-line-07",
                                   keys, kExpiry - std::chrono::seconds(1));
  CHECK(verdict.fault == TokenFault::None);
  CHECK(verdict.expires == kExpiry);
}

TEST_CASE("a token that does not fit is refused for the right reason") {
  struct Row {
    const char* why;
    std::string token;
    std::string resource;
    std::chrono::seconds before_expiry;
    TokenFault fault;
  };
  const std::string hub = "iotc-7f3a.azure-devices.net/devices/press-line-07";
  const std::string good(kHubToken);
  std::string other_text = good;
  other_text.replace(other_text.find("se=1767225600"), 13, "se=1767225601");
  const Row rows[] = {
      {"the very second of its end", good, hub, std::chrono::seconds(0), TokenFault::Expired},
      {"another hub", good, "other.azure-devices.net/devices/press-line-07",
       std::chrono::seconds(60), TokenFault::WrongResource},
      {"another device", good, "iotc-7f3a.azure-devices.net/devices/press-line-08",
       std::chrono::seconds(60), TokenFault::WrongResource},
      {"expiry changed after signing", other_text, hub, std::chrono::seconds(60),
       TokenFault::BadSignature},
      {"no scheme", good.substr(10), hub, std::chrono::seconds(60), TokenFault::Malformed},
      {"no signature", "SharedAccessSignature sr=a&se=1", hub, std::chrono::seconds(60),
       TokenFault::Malformed},
      {"signature is no base64", "SharedAccessSignature sr=a&se=1&sig=%21", hub,
       std::chrono::seconds(60), TokenFault::Malformed},
      {"expiry past all clocks", "SharedAccessSignature sr=a&sig=AA%3D%3D&se=99999999999", hub,
       std::chrono::seconds(60), TokenFault::Malformed},
  };
  const Key keys[] = {device_key()};
  for (const auto& row : rows) {
    CAPTURE(row.why);
    CHECK(check_token(row.token, row.resource, keys, kExpiry - row.before_expiry).fault ==
          row.fault);
  }
}

TEST_CASE("the resource may be lower-cased, as the documentation has it") {
  const Key keys[] = {device_key()};
  const std::string token = make_token("hub.test/devices/press-07", keys[0], kExpiry);
  CHECK(check_token(token, "Hub.test/devices/PRESS-07", keys, kExpiry - std::chrono::hours(1))
            .fault == TokenFault::None);
}
