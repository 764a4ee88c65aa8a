// Reason codes of MQTT 5 and return codes of 3.1.1 in the words of a technician.
#pragma once

#include <cstdint>
#include <string>

#include "proto/mqtt/properties.h"
#include "proto/mqtt/version.h"

namespace hubward::mqtt {

// "the broker refuses user name or password": why a CONNACK is none.
[[nodiscard]] std::string refusal_words(std::uint8_t code, const Properties& properties,
                                        Version spoken);

// Of a CONNACK or DISCONNECT: the broker is well, and does not want this client.
[[nodiscard]] bool is_denial(std::uint8_t code);

// "not allowed": for an acknowledgement, a refused subscription and a DISCONNECT. With what the
// broker itself says of it, if it does.
[[nodiscard]] std::string reason_words(std::uint8_t reason, const Properties& properties);

}  // namespace hubward::mqtt
