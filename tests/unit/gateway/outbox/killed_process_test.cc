// kill -9 at any instant: everything that was acknowledged is there, in order.
#include <doctest/doctest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <map>
#include <random>
#include <sstream>

#include "gateway/outbox/outbox_writer.h"
#include "tests/support/temporary_folder.h"
#include "tests/support/thread_loop.h"
#include "tests/unit/gateway/outbox/store_fixture.h"

namespace hubward::outbox {

using namespace test;
using hubward::test::SystemClock;
using hubward::test::TemporaryFolder;
using hubward::test::ThreadLoop;

namespace {

constexpr std::uint32_t kDevices = 3;
constexpr char kChildStore[] = "HUBWARD_TEST_CHILD_STORE";

std::string name(std::uint32_t device) { return "device-" + std::to_string(device); }

void tell(const std::string& line) {
  // Shorter than PIPE_BUF, so whole or not at all.
  if (::write(STDOUT_FILENO, line.data(), line.size()) < 0) _exit(1);
}

// Another process is given other bits, as by a real source of chance.
StoreOptions options_of_child(const std::string& path) {
  StoreOptions options = store_options(path);
  options.epoch_bits = counting_bits(static_cast<std::uint64_t>(getpid()) << 32U);
  return options;
}

// Appends for ever, telling each acknowledged id; every third is released, which is told before.
[[noreturn]] void append_until_killed(const std::string& path) {
  const SystemClock clock;
  ThreadLoop loop;
  OutboxWriter writer({.store = options_of_child(path)}, clock);
  std::uint64_t asked = 0;
  std::uint64_t answered = 0;
  for (std::uint32_t i = 0; i < kDevices; ++i) writer.attach(DeviceIndex{i}, name(i), loop);
  while (true) {
    for (; asked < answered + 300; ++asked) {
      const DeviceIndex device{static_cast<std::uint32_t>(asked % kDevices)};
      writer.append(device, text(std::string(asked % 700, 'x')), [&, device](auto stored) {
        if (!stored) _exit(1);
        ++answered;
        const std::string id = message_id(stored->epoch, name(device.value), stored->sequence);
        if (stored->sequence % 3 != 0) return tell("stored " + id + "\n");
        tell("released " + id + "\n");
        writer.release(device, *stored);
      });
    }
    (void)loop.run_until([&, before = answered] { return answered > before; });
  }
}

struct Child {
  pid_t id;
  int output;
};

Child start_child(const std::string& path) {
  int ends[2];
  REQUIRE(pipe(ends) == 0);
  const pid_t child = fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    dup2(ends[1], STDOUT_FILENO);
    close(ends[0]);
    close(ends[1]);
    setenv(kChildStore, path.c_str(), 1);
    // A fresh program, because the writer needs threads and a fork has none.
    execl("/proc/self/exe", "child", "--test-case=the child that is killed", nullptr);
    _exit(1);
  }
  close(ends[1]);
  return {child, ends[0]};
}

// Lines of at least `count` messages; then the child is killed and what it said before is read.
std::vector<std::string> kill_after(const Child& child, std::size_t count) {
  std::string said;
  char buffer[4096];
  bool killed = false;
  while (true) {
    const ssize_t size = read(child.output, buffer, sizeof buffer);
    if (size <= 0) break;
    said.append(buffer, static_cast<std::size_t>(size));
    const auto lines = static_cast<std::size_t>(std::count(said.begin(), said.end(), '\n'));
    if (!killed && lines >= count) {
      kill(child.id, SIGKILL);
      killed = true;
    }
  }
  close(child.output);
  int status = 0;
  waitpid(child.id, &status, 0);
  REQUIRE_MESSAGE(killed, "the child ended by itself: ", said);
  std::vector<std::string> lines;
  std::istringstream stream(said);
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

}  // namespace

TEST_CASE("the child that is killed") {
  if (const char* path = std::getenv(kChildStore)) append_until_killed(path);
}

TEST_CASE("killing the process at any instant loses nothing that was acknowledged") {
  const TemporaryFolder folder;
  const std::string path = folder.file("outbox.db");
  const int kills = long_run() ? 200 : 20;
  std::minstd_rand random(1);
  // Acknowledged and not released, by device, in order; from all children so far.
  std::map<std::string, std::vector<std::string>> must_be_there;
  for (int round = 0; round < kills; ++round) {
    CAPTURE(round);
    std::map<std::string, bool> released;
    for (const std::string& line : kill_after(start_child(path), random() % 3000)) {
      const auto space = line.find(' ');
      const std::string id = line.substr(space + 1);
      const std::string device = id.substr(14, name(0).size());
      if (line.substr(0, space) == "stored") must_be_there[device].push_back(id);
      released[id] = line.substr(0, space) == "released";
    }
    OutboxStore store(store_options(path));
    REQUIRE(store.open());
    REQUIRE(store.take_set_aside().empty());
    for (std::uint32_t i = 0; i < kDevices; ++i) {
      std::vector<std::string> found;
      for (const StoredMessage& row : waiting(store, store.attach(name(i)))) {
        const std::string id = message_id(row.epoch, name(i), row.sequence);
        // What was committed and not told, or released and not written, may be there or not.
        if (released.contains(id) && !released[id]) found.push_back(id);
        store.release(store.attach(name(i)), row.epoch, row.sequence);
      }
      REQUIRE(found == must_be_there[name(i)]);
    }
    must_be_there.clear();
    store.settle();
    store.commit({});
    CHECK(store.totals().waiting == 0);
  }
}

}  // namespace hubward::outbox
