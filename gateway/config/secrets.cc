#include "gateway/config/secrets.h"

#include "proto/base64.h"

namespace hubward::config {
namespace {

// Reference section 1.3: 16 to 64 bytes.
constexpr std::size_t kKeyBytesMin = 16;
constexpr std::size_t kKeyBytesMax = 64;

bool is_key(const SecretText& secret) {
  auto decoded = base64_decode(secret.reveal());
  if (!decoded) return false;
  const bool fits = decoded->size() >= kKeyBytesMin && decoded->size() <= kKeyBytesMax;
  // Through volatile, so that the compiler does not drop writes to memory about to be freed.
  for (volatile auto& byte : *decoded) byte = std::byte{0};
  return fits;
}

}  // namespace

std::optional<SecretText> resolve_secret(const SecretFields& fields, const std::string& pointer,
                                         SecretUse use, const std::string& folder,
                                         const SecretSource& source, FileReport& report) {
  const auto reference = to_reference(fields, folder);
  if (!reference || !report.clean(pointer)) return std::nullopt;
  auto secret = source.load(*reference);
  if (!secret) {
    const bool exposed = secret.error().code == ErrorCode::SecretExposed;
    report.error(
        pointer, exposed ? "secret-exposed" : "secret-missing",
        in_words(*reference) +
            (exposed ? " can be read by others than its owner; make it safe with: chmod 600 " +
                           reference->name
                     : " cannot be used: " + secret.error().context));
    return std::nullopt;
  }
  if (secret->empty()) {
    report.error(pointer, "secret-missing",
                 in_words(*reference) + " is empty; it should hold the secret and nothing else");
    return std::nullopt;
  }
  if (use == SecretUse::Base64Key && !is_key(*secret)) {
    report.error(
        pointer, "bad-key",
        in_words(*reference) +
            " holds no symmetric key; it should hold the key as the Azure portal shows it: "
            "base64 text of 16 to 64 bytes");
    return std::nullopt;
  }
  return std::move(*secret);
}

}  // namespace hubward::config
