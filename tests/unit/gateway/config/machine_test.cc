// The real disk, environment and credentials.
#include <doctest/doctest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "gateway/config/site.h"
#include "tests/support/temporary_folder.h"
#include "tests/unit/gateway/config/memory_site.h"

using namespace hubward;
using namespace hubward::config;

namespace {

std::string write(const std::string& path, const std::string& text, mode_t mode = 0600) {
  std::ofstream(path, std::ios::binary) << text;
  REQUIRE(::chmod(path.c_str(), mode) == 0);
  return path;
}

Result<SecretText> load_file(const std::string& path) {
  return machine_secrets()->load({SecretReference::Kind::File, path});
}

}  // namespace

TEST_CASE("a secret's file must be the owner's alone") {
  const test::TemporaryFolder folder;
  for (const mode_t mode : {0600U, 0400U}) {
    const auto secret =
        load_file(write(folder.path().string() + "/ok" + std::to_string(mode), "abc\n", mode));
    REQUIRE(secret);
    CHECK(secret->reveal() == "abc");
  }
  for (const mode_t mode : {0640U, 0604U, 0660U, 0644U, 0620U}) {
    CAPTURE(mode);
    const auto secret =
        load_file(write(folder.path().string() + "/bad" + std::to_string(mode), "abc", mode));
    REQUIRE_FALSE(secret);
    CHECK(secret.error().code == ErrorCode::SecretExposed);
    CHECK(secret.error().context.find("abc") == std::string::npos);
  }
}

TEST_CASE("a secret that cannot be had is missing, with the reason and without waiting") {
  const test::TemporaryFolder folder;
  REQUIRE(::mkfifo((folder.path().string() + "/pipe").c_str(), 0600) == 0);
  for (const std::string name : {"none", "pipe", ""}) {
    CAPTURE(name);
    const auto secret = load_file(folder.path().string() + "/" + name);
    REQUIRE_FALSE(secret);
    CHECK(secret.error().code == ErrorCode::SecretMissing);
    CHECK_FALSE(secret.error().context.empty());
  }
  CHECK_FALSE(load_file(write(folder.path().string() + "/large", std::string(5000, 'x'))));
}

TEST_CASE("secrets come from the environment and from systemd's credentials") {
  const test::TemporaryFolder folder;
  const auto secrets = machine_secrets();
  ::setenv("HUBWARD_TEST_SECRET", "from-env\r\n", 1);
  CHECK(secrets->load({SecretReference::Kind::Environment, "HUBWARD_TEST_SECRET"})->reveal() ==
        "from-env");
  CHECK_FALSE(secrets->load({SecretReference::Kind::Environment, "HUBWARD_TEST_NONE"}));

  ::unsetenv("CREDENTIALS_DIRECTORY");
  CHECK_FALSE(secrets->load({SecretReference::Kind::Credential, "press"}));
  ::setenv("CREDENTIALS_DIRECTORY", folder.path().string().c_str(), 1);
  write(folder.path().string() + "/press", "from-credential", 0440);
  CHECK(secrets->load({SecretReference::Kind::Credential, "press"})->reveal() == "from-credential");
  ::unsetenv("CREDENTIALS_DIRECTORY");
}

TEST_CASE("a site on the disk loads, relative to its folder") {
  const test::TemporaryFolder folder;
  std::filesystem::create_directory(folder.path().string() + "/devices.d");
  std::filesystem::create_directory(folder.path().string() + "/devices.d/folder.json.d");
  write(folder.path().string() + "/gateway.json",
        R"({"version": 1, "dps": {"id_scope": "0ne1"}, "state_folder": "state",
            "trusted_roots_file": "roots.pem", "enrollments": {"plant": {"type": "group"}}})");
  write(folder.path().string() + "/roots.pem", "");
  write(folder.path().string() + "/press.key", std::string(kSomeKey) + "\n");
  write(folder.path().string() + "/devices.d/press.json",
        R"({"version": 1, "id": "press", "enrollment": "plant", "key": {"file": "press.key"},
            "attach": {"modbus_tcp": {"host": "h"}},
            "tags": [{"name": "p", "address": "holding:0", "type": "uint16"}]})");
  const auto site = load_site(folder.path().string(), *disk_files(), *machine_secrets());
  for (const auto& problem : site.problems) MESSAGE(to_line(problem));
  REQUIRE(site.settings);
  CHECK(site.problems.empty());
  CHECK(site.settings->state_folder == folder.path().string() + "/state");
  CHECK(site.settings->trusted_roots_file == folder.path().string() + "/roots.pem");
  CHECK(site.settings->credentials.at(0).primary.reveal() == kSomeKey);
  CHECK(state_folder_of(folder.path().string(), *disk_files()) ==
        folder.path().string() + "/state");
}

TEST_CASE("a folder without a configuration is one clear sentence") {
  const test::TemporaryFolder folder;
  const auto site = load_site(folder.path().string() + "/none", *disk_files(), *machine_secrets());
  CHECK_FALSE(site.settings);
  REQUIRE_FALSE(site.problems.empty());
  CHECK(to_line(site.problems[0])
            .starts_with(folder.path().string() + "/none/gateway.json: there is no such file; "));
}
