#include "gateway/platform/state_folder.h"

#include <doctest/doctest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <fstream>
#include <optional>
#include <utility>

#include "gateway/platform/atomic_file.h"
#include "tests/support/temporary_folder.h"

namespace hubward::platform {
namespace {

using hubward::test::TemporaryFolder;

unsigned mode_of(const std::string& path) {
  struct stat about {};
  return stat(path.c_str(), &about) == 0 ? about.st_mode & 0777U : 0U;
}

TEST_CASE("a state folder is made for its owner only, with what is above it") {
  const TemporaryFolder folder;
  const std::string path = folder.file("var/lib/hubward");
  const auto state = StateFolder::open(path);
  REQUIRE(state);
  CHECK(mode_of(path) == 0700);
  CHECK(state->file("outbox.db") == path + "/outbox.db");
  CHECK(state->newest_file_time() > WallTime{});  // its lock, at least
}

TEST_CASE("a second run on the same state folder is refused and told who holds it") {
  const TemporaryFolder folder;
  std::optional<StateFolder> first;
  {
    auto opened = StateFolder::open(folder.file("state"));
    REQUIRE(opened);
    first.emplace(std::move(*opened));
  }
  const auto second = StateFolder::open(folder.file("state"));
  REQUIRE_FALSE(second);
  CHECK(second.error().code == ErrorCode::StateFolderBusy);
  CHECK(second.error().context.find("process " + std::to_string(getpid())) != std::string::npos);
  first.reset();
  CHECK(StateFolder::open(folder.file("state")));
}

TEST_CASE("a disk that takes no byte more does not keep hubward from starting") {
  const TemporaryFolder folder;
  std::signal(SIGXFSZ, SIG_IGN);
  rlimit before{};
  REQUIRE(getrlimit(RLIMIT_FSIZE, &before) == 0);
  const rlimit none{0, before.rlim_max};
  REQUIRE(setrlimit(RLIMIT_FSIZE, &none) == 0);
  const auto opened = StateFolder::open(folder.file("state"));
  REQUIRE(setrlimit(RLIMIT_FSIZE, &before) == 0);
  CHECK(opened);
}

TEST_CASE("a folder that cannot serve as state folder is refused") {
  const TemporaryFolder folder;
  std::ofstream(folder.file("a-file")) << "x";
  const auto file = StateFolder::open(folder.file("a-file"));
  REQUIRE_FALSE(file);
  CHECK(file.error().code == ErrorCode::StoreFailed);
  CHECK(file.error().context.find("Not a directory") != std::string::npos);

  mkdir(folder.file("open").c_str(), 0700);
  chmod(folder.file("open").c_str(), 0777);
  const auto open_to_all = StateFolder::open(folder.file("open"));
  REQUIRE_FALSE(open_to_all);
  CHECK(open_to_all.error().code == ErrorCode::ConfigInvalid);

  const auto nowhere = StateFolder::open("/proc/no/such");
  REQUIRE_FALSE(nowhere);
  CHECK(nowhere.error().code == ErrorCode::StoreFailed);
}

TEST_CASE("a file is replaced whole, readable by its owner only") {
  const TemporaryFolder folder;
  const std::string path = folder.file("a.json");
  std::ofstream(path) << "old";
  chmod(path.c_str(), 0644);
  REQUIRE(write_atomically(path, "new"));
  CHECK(mode_of(path) == 0600);
  CHECK(read_file(path, 100)->text == "new");
  CHECK_FALSE(std::filesystem::exists(path + ".new"));
  CHECK(read_file(folder.file("none"), 100)->missing);
  CHECK(read_file(path, 2).error().code == ErrorCode::LimitExceeded);
  CHECK(write_atomically(folder.file("no/such/folder"), "x").error().code ==
        ErrorCode::StoreFailed);
  CHECK(read_file(folder.path(), 100).error().code == ErrorCode::StoreFailed);
}

TEST_CASE("a new file is whole, readable by all, and never replaces one") {
  const test::TemporaryFolder folder;
  const std::string path = folder.file("a.json");
  REQUIRE(create_file(path, "first"));
  CHECK(mode_of(path) == 0644);
  CHECK(create_file(path, "second").error().code == ErrorCode::ConfigInvalid);
  CHECK(read_file(path, 100)->text == "first");
  CHECK(create_file(folder.file("no/such/folder"), "x").error().code == ErrorCode::StoreFailed);
  std::size_t names = 0;
  for (const auto& one : std::filesystem::directory_iterator(folder.path())) {
    CHECK(one.path() == path);
    ++names;
  }
  CHECK(names == 1);
}

TEST_CASE("a new file whose folder cannot be synced is not left behind") {
  const test::TemporaryFolder folder;
  const std::string path = folder.file("a.json");
  // Names can be made in it, but it cannot be opened, which a sync needs. Root opens everything.
  REQUIRE(chmod(folder.path().c_str(), 0333) == 0);
  constexpr uid_t kNobody = 65534;
  const bool is_root = geteuid() == 0;
  if (is_root) REQUIRE(seteuid(kNobody) == 0);
  const Status created = create_file(path, "x");
  if (is_root) REQUIRE(seteuid(0) == 0);
  REQUIRE(chmod(folder.path().c_str(), 0700) == 0);
  REQUIRE_FALSE(created);
  CHECK(created.error().code == ErrorCode::StoreFailed);
  CHECK(std::filesystem::is_empty(folder.path()));
}

}  // namespace
}  // namespace hubward::platform
