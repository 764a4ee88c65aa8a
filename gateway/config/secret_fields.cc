#include "gateway/config/secret_fields.h"

namespace hubward::config {
namespace {

// Somebody who pastes a key into the wrong place must not find it in the log.
Codec<std::string> unquoted(Codec<std::string> codec) {
  auto shape = std::make_shared<Shape>(*codec.shape);
  shape->never_quoted = true;
  codec.shape = std::move(shape);
  return codec;
}

}  // namespace

const Record<SecretFields>& secret_record() {
  static const Record<SecretFields> record = [] {
    Record<SecretFields> r("secret", "where a secret is kept; it never stands in these files");
    r.optional("file", &SecretFields::file, unquoted(text(1, 4096, "a path")),
               "the path of a file (mode 0600) that holds the secret and nothing else");
    r.optional("credential", &SecretFields::credential,
               unquoted(text(1, 255, "^[A-Za-z0-9][A-Za-z0-9._-]*$",
                             "a credential's name: letters, digits, dots, dashes")),
               "the name of a systemd credential (LoadCredential=, LoadCredentialEncrypted=)");
    r.optional(
        "env", &SecretFields::env,
        unquoted(text(1, 255, "^[A-Za-z_][A-Za-z0-9_]*$", "the name of an environment variable")),
        "the name of an environment variable; for trying out, because other processes of the "
        "same user can read it");
    r.exactly_one().never_quoted().says(
        "a reference to a secret, {\"file\": \"...\"}, {\"credential\": \"...\"} or {\"env\": "
        "\"...\"}, never the secret itself");
    return r;
  }();
  return record;
}

std::optional<SecretReference> to_reference(const SecretFields& fields, const std::string& folder) {
  if (fields.file) {
    return SecretReference{SecretReference::Kind::File, path_from(folder, *fields.file)};
  }
  if (fields.env) return SecretReference{SecretReference::Kind::Environment, *fields.env};
  if (fields.credential) {
    return SecretReference{SecretReference::Kind::Credential, *fields.credential};
  }
  return std::nullopt;
}

std::string in_words(const SecretReference& reference) {
  switch (reference.kind) {
    case SecretReference::Kind::File:
      return "the file " + quoted(reference.name);
    case SecretReference::Kind::Environment:
      return "the environment variable " + quoted(reference.name);
    case SecretReference::Kind::Credential:
      return "the systemd credential " + quoted(reference.name);
  }
  return "";
}

std::string path_from(const std::string& folder, const std::string& path) {
  if (path.empty() || path.front() == '/' || folder.empty()) return path;
  return folder.back() == '/' ? folder + path : folder + "/" + path;
}

}  // namespace hubward::config
