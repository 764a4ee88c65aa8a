// Shared access signature tokens: what is signed, and the text around the signature. The HMAC
// itself is computed elsewhere, because the key may live in a TPM.
//
//   resource  percent-encoded, signed exactly as it is sent
//   message   resource + "\n" + expiry in seconds since 1970
//   signature HMAC-SHA256(base64-decoded key, message)
//   token     SharedAccessSignature sr={resource}&sig={percent-encoded base64}&se={expiry}
//
// Source: Azure IoT Hub, "Control access with shared access signatures".
#pragma once

#include <cstddef>
#include <span>
#include <string>
#include <string_view>

#include "proto/base64.h"
#include "proto/hub/address.h"
#include "proto/percent.h"
#include "proto/time.h"

namespace hubward::hub {

// What a token claims. The same object makes the message and the token, so that both name the same
// resource and expiry.
struct SasClaim {
  std::string resource;  // percent-encoded
  std::string policy;    // `skn`; empty with a device key at a hub
  WallTime expires_at;   // whole seconds count; fractions are cut off
};

// `host` is the bare host: never with a port.
[[nodiscard]] SasClaim hub_claim(std::string_view host, std::string_view device_id,
                                 WallTime expires_at);
[[nodiscard]] SasClaim dps_claim(std::string_view id_scope, std::string_view registration_id,
                                 WallTime expires_at);

// The bytes to sign with HMAC-SHA256.
[[nodiscard]] std::string message_to_sign(const SasClaim& claim);

// The MQTT password. A secret until it expires: never logged.
[[nodiscard]] std::string sas_token(const SasClaim& claim, std::span<const std::byte> signature);

// Enrollment groups: the device's key is HMAC-SHA256(decoded group key, this message), 32 bytes.
// The registration id must be spelt here as in the DPS user name, byte for byte.
[[nodiscard]] inline std::string_view group_key_message(std::string_view registration_id) {
  return registration_id;
}

}  // namespace hubward::hub
