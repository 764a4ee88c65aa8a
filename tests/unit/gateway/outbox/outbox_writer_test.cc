#include "gateway/outbox/outbox_writer.h"

#include <doctest/doctest.h>

#include "tests/support/temporary_folder.h"
#include "tests/support/thread_loop.h"
#include "tests/unit/gateway/outbox/store_fixture.h"

namespace hubward::outbox {

using namespace test;
using hubward::test::SystemClock;
using hubward::test::TemporaryFolder;
using hubward::test::ThreadLoop;
using namespace std::chrono_literals;

TEST_CASE("the writer answers in the order of the calls and stores what it acknowledged") {
  const TemporaryFolder folder;
  const SystemClock clock;
  ThreadLoop loop;
  std::vector<std::uint64_t> sequences;
  {
    OutboxWriter writer({.store = store_options(folder.file("outbox.db"))}, clock);
    writer.attach(DeviceIndex{0}, "press", loop);
    for (int i = 0; i < 5000; ++i) {
      writer.append(DeviceIndex{0}, text(std::to_string(i)), [&](Result<StoredMessage> stored) {
        REQUIRE(stored);
        sequences.push_back(stored->sequence);
      });
    }
    REQUIRE(loop.run_until([&] { return sequences.size() == 5000; }));
    for (std::size_t i = 0; i < sequences.size(); ++i) REQUIRE(sequences[i] == i + 1);
    CHECK(writer.counts(DeviceIndex{0}).waiting == 5000);
    CHECK(writer.flush_and_stop(10s));
  }
  OutboxStore store(store_options(folder.file("outbox.db"), 2));
  REQUIRE(store.open());
  CHECK(waiting(store, store.attach("press")).size() == 5000);
}

}  // namespace hubward::outbox
