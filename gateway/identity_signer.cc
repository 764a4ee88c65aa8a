#include "gateway/identity_signer.h"

#include "gateway/platform/hmac_signer.h"

namespace hubward {

Result<std::unique_ptr<Signer>> make_signer(const config::DeviceCredential& credential,
                                            const std::string& registration_id) {
  if (credential.kind == config::DeviceCredential::Kind::DeviceKey) {
    return platform::HmacSigner::from_base64(credential.primary, credential.secondary);
  }
  const auto key = platform::derive_device_key(credential.primary, registration_id);
  if (!key) return tl::unexpected(key.error());
  if (credential.secondary.empty()) return platform::HmacSigner::from_base64(*key);
  const auto other = platform::derive_device_key(credential.secondary, registration_id);
  if (!other) return tl::unexpected(other.error());
  return platform::HmacSigner::from_base64(*key, *other);
}

}  // namespace hubward
