#include "gateway/platform/marker_file.h"

#include <doctest/doctest.h>

#include <filesystem>

#include "gateway/platform/asio_loop.h"
#include "gateway/platform/system_clock.h"
#include "tests/support/run_until.h"
#include "tests/support/temporary_folder.h"

using namespace hubward;
using namespace hubward::platform;

namespace {

struct Fixture {
  SystemClock clock;
  AsioLoop loop{clock};
  test::TemporaryFolder folder;
  Status wait(const std::function<void(std::function<void(const Status&)>)>& ask) {
    std::optional<Status> said;
    ask([&](const Status& outcome) { said = outcome; });
    REQUIRE(test::run_until(loop, [&] { return said.has_value(); }));
    return *said;
  }
};

}  // namespace

TEST_CASE("a marker that was put stands for the next process, until it is cleared") {
  Fixture f;
  const std::string path = f.folder.file("mark");
  MarkerFile mark(path, f.loop);
  CHECK_FALSE(mark.stood());
  CHECK(f.wait([&](auto done) { mark.put(done); }));
  CHECK(MarkerFile(path, f.loop).stood());
  CHECK(f.wait([&](auto done) { mark.clear(done); }));
  CHECK(f.wait([&](auto done) { mark.clear(done); }));  // none there: fine
  CHECK_FALSE(MarkerFile(path, f.loop).stood());
}

TEST_CASE("what cannot be looked at counts as standing, what cannot be written is said") {
  Fixture f;
  const std::string nowhere = f.folder.file("none/mark");
  MarkerFile mark(nowhere, f.loop);
  CHECK_FALSE(mark.stood());
  CHECK_FALSE(f.wait([&](auto done) { mark.put(done); }));
  CHECK(MarkerFile(f.folder.file(std::string(300, 'x')), f.loop).stood());  // a name too long
  std::filesystem::create_directory(f.folder.file("mark"));
  MarkerFile folder(f.folder.file("mark"), f.loop);
  CHECK(folder.stood());
  CHECK_FALSE(f.wait([&](auto done) { folder.clear(done); }));
}
