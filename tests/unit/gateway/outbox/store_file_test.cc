#include "gateway/outbox/store_file.h"

#include <doctest/doctest.h>

#include "tests/support/temporary_folder.h"
#include "tests/unit/gateway/outbox/store_fixture.h"

namespace hubward::outbox {

using hubward::test::TemporaryFolder;

TEST_CASE("a row is read only as the one that it is") {
  // A damaged tree may lead from one row's place to another's.
  const TemporaryFolder folder;
  StoreFile file;
  auto found = StoreFile::Found::Foreign;
  REQUIRE(file.open({folder.file("outbox.db"), "", false}, found) == 0);
  FileRow row{.row = 1, .sequence = 7};
  REQUIRE(file.begin() == 0);
  REQUIRE(file.add_epoch("an-epoch", row.epoch) == 0);
  REQUIRE(file.add_device("press", row.device) == 0);
  REQUIRE(file.insert(row, "press", test::text("a body")) == 0);
  REQUIRE(file.commit() == 0);
  const auto reads = [&](RowId id, const RowIdentity& identity) {
    std::optional<OutboxMessage> message;
    REQUIRE(file.read(id, identity, message) == 0);
    return message && message->body == "a body";
  };
  CHECK(reads(1, {"press", row.epoch, 7}));
  CHECK_FALSE(reads(1, {"scale", row.epoch, 7}));
  CHECK_FALSE(reads(1, {"press", row.epoch + 1, 7}));
  CHECK_FALSE(reads(1, {"press", row.epoch, 8}));
  CHECK_FALSE(reads(2, {"press", row.epoch, 7}));
}

}  // namespace hubward::outbox
