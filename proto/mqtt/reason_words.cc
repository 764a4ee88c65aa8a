#include "proto/mqtt/reason_words.h"

#include <algorithm>
#include <string_view>

#include "proto/utf8.h"

namespace hubward::mqtt {
namespace {

struct Row {
  std::uint8_t code;
  std::string_view words;
};

// MQTT 5.0, section 2.4.
constexpr Row kReasons[] = {
    {0x80, "it does not say why"},
    {0x81, "it could not read what hubward sent"},
    {0x82, "it says that hubward broke the protocol"},
    {0x83, "what was asked is not done there"},
    {0x84, "it does not speak this version of MQTT"},
    {0x85, "it does not take this client id"},
    {0x86, "user name or password are wrong"},
    {0x87, "not allowed"},
    {0x88, "it is not ready"},
    {0x89, "it is busy"},
    {0x8A, "this client is banned"},
    {0x8B, "it is shutting down"},
    {0x8C, "it wants another way to log in"},
    {0x8D, "it heard nothing from hubward for too long"},
    {0x8E, "another client logged in with the same client id"},
    {0x8F, "the topic filter is not taken there"},
    {0x90, "the topic is not taken there"},
    {0x91, "the packet id is in use"},
    {0x92, "the packet id is unknown"},
    {0x93, "too many messages were under way"},
    {0x94, "the topic alias is unknown"},
    {0x95, "the packet is too large"},
    {0x96, "messages come too fast"},
    {0x97, "a quota is used up"},
    {0x98, "somebody who administers it did it"},
    {0x99, "the payload is not of the form that it says"},
    {0x9A, "it keeps no messages"},
    {0x9B, "it does not know this quality of service"},
    {0x9C, "another server is to be used for now"},
    {0x9D, "it has moved to another server"},
    {0x9E, "it knows no shared subscriptions"},
    {0x9F, "connections come too fast"},
    {0xA0, "the time of this connection is over"},
    {0xA1, "it knows no subscription identifiers"},
    {0xA2, "it knows no filters with + or #"},
};

// What a broker says of itself is foreign text.
std::string quoted(std::string_view said) {
  constexpr std::size_t kSaidMax = 200;
  return quoted_text(said, kSaidMax);
}

std::string with_own_words(std::string words, const Properties& properties) {
  if (const auto said = text_of(properties, PropertyId::ReasonString); !said.empty()) {
    words += ": " + quoted(said);
  }
  if (const auto other = text_of(properties, PropertyId::ServerReference); !other.empty()) {
    words += " (it names " + quoted(other) + ")";
  }
  return words;
}

// Section 3.2.2.3 of both; what 5.0 has more is in the table above.
std::string connack_words(std::uint8_t code, Version spoken) {
  switch (code) {
    case 1:
    case 0x84:
      return spoken == Version::V5
                 ? "the broker does not speak MQTT 5: set \"version\": \"3.1.1\" under \"broker\""
                 : "the broker does not speak MQTT 3.1.1";
    case 2:
    case 0x85:
      return "the broker refuses the client id";
    case 3:
    case 0x88:
      return "the broker is not ready";
    case 4:
    case 0x86:
      return "the broker refuses user name or password";
    case 5:
    case 0x87:
      return "the broker does not allow this client";
    default:
      break;
  }
  if (code < 0x80) return "the broker refuses, code " + std::to_string(code);
  return "the broker refuses: " + reason_words(code, {});
}

}  // namespace

std::string refusal_words(std::uint8_t code, const Properties& properties, Version spoken) {
  return with_own_words(connack_words(code, spoken), properties);
}

bool is_denial(std::uint8_t code) {
  switch (code) {
    case 1:  // 3.1.1
    case 2:
    case 4:
    case 5:
    case 0x84:
    case 0x85:
    case 0x86:
    case 0x87:
    case 0x8A:
    case 0x8C:
      return true;
    default:
      return false;
  }
}

std::string reason_words(std::uint8_t reason, const Properties& properties) {
  const auto* const row = std::find_if(std::begin(kReasons), std::end(kReasons),
                                       [&](const Row& one) { return one.code == reason; });
  std::string words =
      row == std::end(kReasons) ? "reason " + std::to_string(reason) : std::string(row->words);
  return with_own_words(std::move(words), properties);
}

}  // namespace hubward::mqtt
