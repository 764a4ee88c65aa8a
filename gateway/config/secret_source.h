#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "gateway/api/secret.h"
#include "proto/result.h"

namespace hubward::config {

// Where a secret is kept. The configuration holds only such references, never a secret itself.
struct SecretReference {
  enum class Kind : std::uint8_t { File, Environment, Credential } kind = Kind::File;
  std::string name;  // path; variable; name in systemd's $CREDENTIALS_DIRECTORY
};

class SecretSource {
 public:
  virtual ~SecretSource() = default;
  // The secret without white space at its end. Errors: SecretMissing, SecretExposed (a file that
  // others than its owner can read); the context says where it was looked for, never what was
  // found.
  [[nodiscard]] virtual Result<SecretText> load(const SecretReference& reference) const = 0;
};

// Files, environment and systemd credentials of this process.
[[nodiscard]] std::unique_ptr<SecretSource> machine_secrets();

}  // namespace hubward::config
