#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "gateway/api/secret.h"
#include "gateway/api/signer.h"

namespace hubward::platform {

// A symmetric key in memory, or two of which one is in use. On one loop; done runs before sign()
// returns.
class HmacSigner final : public Signer {
 public:
  // `base64_key`: as enrollments and IoT Hub show it, 16 to 64 bytes once decoded (reference
  // section 1.3); white space around it is ignored. Error: Malformed, never with key material.
  // `other_base64_key`: the identity's second key, or empty.
  [[nodiscard]] static Result<std::unique_ptr<Signer>> from_base64(
      const SecretText& base64_key, const SecretText& other_base64_key = {});

  void sign(std::string text, std::function<void(Result<std::string>)> done) override;
  bool use_other_key() override;
  [[nodiscard]] std::string fingerprint() const override { return fingerprint_; }

 private:
  HmacSigner(SecretText key, SecretText other_key);
  SecretText key_;        // decoded; the one in use
  SecretText other_key_;  // decoded, or empty
  std::string fingerprint_;
};

// The key of one member of an enrollment group, base64: HMAC-SHA256 of the registration id under
// the group's key (reference section 1.3). Error: Malformed.
[[nodiscard]] Result<SecretText> derive_device_key(const SecretText& base64_group_key,
                                                   std::string_view registration_id);

}  // namespace hubward::platform
