// A site in memory: files by path, secrets by name.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "gateway/config/file_source.h"
#include "gateway/config/secret_source.h"

namespace hubward::config {

// 64 bytes 00..3f, as in the protocol reference's vectors.
inline constexpr const char* kSomeKey =
    "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4vMDEyMzQ1Njc4OTo7PD0+Pw==";

class MemoryFiles final : public FileSource {
 public:
  std::map<std::string, std::string> files;
  std::string locked_folder;  // whose names nobody may read

  Result<std::string> read(const std::string& path, std::size_t bytes_max) const override {
    const auto file = files.find(path);
    if (file == files.end()) {
      return failure(ErrorCode::ConfigInvalid, ErrorKind::Permanent, "No such file or directory");
    }
    if (file->second.size() > bytes_max) {
      return failure(ErrorCode::LimitExceeded, ErrorKind::Permanent);
    }
    return file->second;
  }
  Result<std::vector<std::string>> list(const std::string& folder) const override {
    if (folder == locked_folder) {
      return failure(ErrorCode::ConfigInvalid, ErrorKind::Permanent, "Permission denied");
    }
    std::vector<std::string> names;
    for (const auto& [path, text] : files) {
      if (path.starts_with(folder + "/")) names.push_back(path.substr(folder.size() + 1));
    }
    return names;
  }
  bool readable(const std::string& path) const override { return path.find("none") == path.npos; }
};

// Every secret holds the same key, except those whose name says otherwise.
class MemorySecrets final : public SecretSource {
 public:
  Result<SecretText> load(const SecretReference& reference) const override {
    const auto has = [&](const char* word) {
      return reference.name.find(word) != std::string::npos;
    };
    if (has("missing")) {
      return failure(ErrorCode::SecretMissing, ErrorKind::Permanent, "No such file or directory");
    }
    if (has("exposed")) {
      return failure(ErrorCode::SecretExposed, ErrorKind::Permanent, reference.name);
    }
    if (has("empty")) return SecretText();
    if (has("short")) return SecretText("AAECAw==");
    if (has("password")) return SecretText("hunter2");
    return SecretText(kSomeKey);
  }
};

}  // namespace hubward::config
