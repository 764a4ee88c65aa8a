#pragma once

#include <optional>
#include <string>

#include "gateway/config/record.h"
#include "gateway/config/secret_source.h"

namespace hubward::config {

// A reference to a secret as it stands in a file: exactly one of these.
struct SecretFields {
  std::optional<std::string> file;
  std::optional<std::string> env;
  std::optional<std::string> credential;
};

[[nodiscard]] const Record<SecretFields>& secret_record();

// Relative paths are taken from `folder`.
[[nodiscard]] std::optional<SecretReference> to_reference(const SecretFields& fields,
                                                          const std::string& folder);

// "the file /etc/hubward/key", "the environment variable X", "the credential x".
[[nodiscard]] std::string in_words(const SecretReference& reference);

// Relative paths are taken from `folder`.
[[nodiscard]] std::string path_from(const std::string& folder, const std::string& path);

}  // namespace hubward::config
