#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <system_error>

#include "gateway/config/file_source.h"
#include "gateway/config/read_file.h"

namespace hubward::config {
namespace {

class DiskFiles final : public FileSource {
 public:
  Result<std::string> read(const std::string& path, std::size_t bytes_max) const override {
    auto file = read_file(path, bytes_max);
    if (!file) return tl::unexpected(file.error());
    return std::move(file->text);
  }

  Result<std::vector<std::string>> list(const std::string& folder) const override {
    std::vector<std::string> names;
    std::error_code error;
    auto entry = std::filesystem::directory_iterator(folder, error);
    if (error == std::errc::no_such_file_or_directory) return names;
    for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
      names.push_back(entry->path().filename().string());
    }
    if (error) {
      return failure(ErrorCode::ConfigInvalid, ErrorKind::Permanent, error.message());
    }
    return names;
  }

  bool readable(const std::string& path) const override {
    std::error_code error;
    return std::filesystem::is_regular_file(path, error) && ::access(path.c_str(), R_OK) == 0;
  }

  std::string ready_made_models() const override {
    // For a build that is not installed.
    const char* elsewhere = std::getenv("HUBWARD_MODELS");
    if (elsewhere != nullptr) return elsewhere;
    // Beside the program, wherever it was installed: PREFIX/bin and PREFIX/share.
    std::error_code error;
    const auto program = std::filesystem::read_symlink("/proc/self/exe", error);
    const auto beside = program.parent_path().parent_path() / "share/hubward/models";
    if (!error && std::filesystem::is_directory(beside, error)) return beside.string();
    return FileSource::ready_made_models();
  }
};

}  // namespace

std::unique_ptr<FileSource> disk_files() { return std::make_unique<DiskFiles>(); }

}  // namespace hubward::config
