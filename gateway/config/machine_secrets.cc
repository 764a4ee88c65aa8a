#include <sys/stat.h>

#include <cstdlib>

#include "gateway/config/read_file.h"
#include "gateway/config/secret_fields.h"
#include "gateway/config/secret_source.h"

namespace hubward::config {
namespace {

// A key is 88 characters, a password less.
constexpr std::size_t kSecretBytesMax = 4096;

tl::unexpected<Error> missing(std::string why) {
  return failure(ErrorCode::SecretMissing, ErrorKind::Permanent, std::move(why));
}

SecretText without_space_at_end(std::string text) {
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r' || text.back() == ' ' ||
                           text.back() == '\t')) {
    text.pop_back();
  }
  return SecretText(std::move(text));
}

Result<SecretText> from_file(const std::string& path, mode_t forbidden) {
  auto content = read_file(path, kSecretBytesMax);
  if (!content) return missing(content.error().context);
  SecretText secret = without_space_at_end(std::move(content->text));
  if ((content->mode & forbidden) != 0) {
    return failure(ErrorCode::SecretExposed, ErrorKind::Permanent, path);
  }
  return secret;
}

class MachineSecrets final : public SecretSource {
 public:
  Result<SecretText> load(const SecretReference& reference) const override {
    switch (reference.kind) {
      case SecretReference::Kind::File:
        return from_file(reference.name, S_IRWXG | S_IRWXO);
      case SecretReference::Kind::Credential: {
        const char* folder = std::getenv("CREDENTIALS_DIRECTORY");
        if (folder == nullptr) {
          return missing("systemd passed no credentials; add LoadCredential= to the unit");
        }
        // systemd guards the folder itself; the files in it are readable for the service's user.
        return from_file(path_from(folder, reference.name), S_IRWXO);
      }
      case SecretReference::Kind::Environment: {
        const char* value = std::getenv(reference.name.c_str());
        if (value == nullptr) return missing("it is not set");
        return without_space_at_end(value);
      }
    }
    return missing("");
  }
};

}  // namespace

std::unique_ptr<SecretSource> machine_secrets() { return std::make_unique<MachineSecrets>(); }

}  // namespace hubward::config
