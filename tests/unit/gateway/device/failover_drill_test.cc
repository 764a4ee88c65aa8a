#include "gateway/device/failover_drill.h"

#include <doctest/doctest.h>

using namespace hubward;
using namespace hubward::device;
using namespace std::chrono_literals;

namespace {

constexpr SteadyTime kDrop{100s};

FailoverDrill drill(std::size_t in_flight = 0) {
  return FailoverDrill({"hub-a.example", 3, 7, in_flight, kDrop});
}

StoredMessage row(std::uint64_t sequence, std::string epoch = "e1") {
  StoredMessage message;
  message.sequence = sequence;
  message.epoch = std::move(epoch);
  return message;
}

}  // namespace

TEST_CASE("a drill is finished when all that was held or came before the first PUBACK arrived") {
  FailoverDrill books = drill(2);
  books.on_held({row(11), row(12)});
  books.on_stored(row(13));
  books.on_accepted("hub-b.example", kDrop + 900ms);
  for (int i = 0; i < 3; ++i) books.on_sent();
  books.on_released(row(11), kDrop + 1s);
  books.on_stored(row(14));  // after the first PUBACK: normal business again
  books.on_released(row(12), kDrop + 1100ms);
  CHECK_FALSE(books.finished());
  CHECK(books.report(4, 8).waiting == 1);
  books.on_released(row(13), kDrop + 1200ms);
  CHECK(books.finished());
  const DrillReport report = books.report(4, 8);
  CHECK(report.finished);
  CHECK(report.expected == 3);
  CHECK(report.acknowledged == 3);
  CHECK(report.waiting == 0);
  CHECK(report.sent == 3);
  CHECK(report.repeated == 2);
  CHECK(report.conversations == 1);
  CHECK(report.logins == 1);
  CHECK(report.hub_before == "hub-a.example");
  CHECK(report.hub_after == "hub-b.example");
  CHECK(report.accepted_after == 900ms);
  CHECK(report.first_ack_after == 1s);
  CHECK(report.all_arrived_after == 1200ms);
}

TEST_CASE("a row that was released before the store answered is counted once") {
  FailoverDrill books = drill();
  books.on_stored(row(5));
  books.on_accepted("hub-a.example", kDrop + 1s);
  books.on_released(row(4), kDrop + 2s);
  CHECK_FALSE(books.finished());  // what the store held is not known yet
  books.on_held({row(4), row(5)});
  books.on_released(row(5), kDrop + 3s);
  CHECK(books.finished());
  CHECK(books.report(3, 7).expected == 2);
  CHECK(books.report(3, 7).acknowledged == 2);
}

TEST_CASE("the same sequence number of another epoch is another message") {
  FailoverDrill books = drill();
  books.on_held({row(1, "e1"), row(1, "e2")});
  books.on_released(row(1, "e1"), kDrop + 1s);
  CHECK_FALSE(books.finished());
  books.on_released(row(1, "e1"), kDrop + 2s);  // twice
  CHECK(books.report(3, 7).waiting == 1);
  books.on_released(row(1, "e2"), kDrop + 3s);
  CHECK(books.report(3, 7).acknowledged == 2);
}

TEST_CASE("a message that is set aside did not arrive, and does not hold the drill up") {
  FailoverDrill books = drill();
  books.on_held({row(1), row(2)});
  books.on_accepted("hub-b.example", kDrop + 1s);
  books.on_quarantined(row(1), kDrop + 1s);
  books.on_released(row(2), kDrop + 2s);
  const DrillReport report = books.report(3, 7);
  CHECK(report.finished);
  CHECK(report.acknowledged == 1);
  CHECK(report.set_aside == 1);
  CHECK(report.expected == 2);
}

TEST_CASE("without any message a drill has no acknowledgement to show") {
  FailoverDrill books = drill();
  books.on_held({});
  books.on_accepted("hub-b.example", kDrop + 1s);
  CHECK_FALSE(books.finished());
  CHECK_FALSE(books.report(4, 8).first_ack_after);
  books.on_stored(row(9));
  books.on_released(row(9), kDrop + 20s);
  CHECK(books.finished());
  CHECK(books.report(4, 8).first_ack_after == 20s);
}
