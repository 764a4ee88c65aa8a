#include "gateway/device/send_window.h"

#include <doctest/doctest.h>

#include <numeric>

using namespace hubward;
using namespace hubward::device;
using namespace std::chrono_literals;

namespace {

const SteadyTime kNow{1h};

StoredMessage row(std::uint64_t sequence, std::size_t body_bytes = 10) {
  StoredMessage stored;
  stored.sequence = sequence;
  stored.epoch = "e1";
  stored.message.body = std::string(body_bytes, 'x');
  return stored;
}

// A window that knows the store to be empty, so that new rows are taken as they come.
SendWindow caught_up(SendWindowSettings settings = {}) {
  SendWindow window(settings);
  REQUIRE(window.wants_rows(SteadyTime{}));
  window.on_fetched(std::vector<StoredMessage>{}, SteadyTime{});
  window.on_link_up();
  return window;
}

std::uint64_t last_token = 0;
PublishToken send_next(SendWindow& window) {
  const PublishToken token{++last_token};
  window.on_sent(token, kNow);
  return token;
}

}  // namespace

TEST_CASE("what an earlier run left is fetched first, before anything new") {
  SendWindow window;
  window.on_stored(row(8));
  CHECK(window.next_to_send() == nullptr);
  const auto fetch = window.wants_rows(SteadyTime{});
  REQUIRE(fetch);
  CHECK_FALSE(fetch->after);
  CHECK_FALSE(window.wants_rows(SteadyTime{}));  // one at a time
  window.on_stored(row(9));                      // while the store is being read
  window.on_fetched(std::vector{row(7), row(8)}, SteadyTime{});
  REQUIRE(window.next_to_send());
  CHECK(window.next_to_send()->sequence == 7);
  const auto again = window.wants_rows(SteadyTime{});
  REQUIRE(again);
  CHECK(again->after->sequence == 8);
  window.on_fetched(std::vector{row(9)}, SteadyTime{});
  REQUIRE(window.wants_rows(SteadyTime{}));
  window.on_fetched(std::vector<StoredMessage>{}, SteadyTime{});
  CHECK_FALSE(window.wants_rows(SteadyTime{}));
  window.on_stored(row(10));
  CHECK_FALSE(window.wants_rows(SteadyTime{}));
}

TEST_CASE("a short answer does not end the reading: nothing in between is jumped over") {
  SendWindow window({.loaded_max = 8});
  std::uint64_t newest_in_store = 20;
  std::vector<std::uint64_t> sent;
  while (const auto fetch = window.wants_rows(SteadyTime{})) {
    const std::uint64_t after = fetch->after ? fetch->after->sequence : 0;
    // While the store is being read, what is loaded goes out and a new row comes in.
    while (const auto* next = window.next_to_send()) {
      sent.push_back(next->sequence);
      (void)window.on_puback(send_next(window));
    }
    if (newest_in_store < 25) window.on_stored(row(++newest_in_store));
    std::vector<StoredMessage> rows;
    for (auto i = after + 1; i <= newest_in_store && rows.size() < 3; ++i) rows.push_back(row(i));
    window.on_fetched(rows, SteadyTime{});
    while (const auto* next = window.next_to_send()) {
      sent.push_back(next->sequence);
      (void)window.on_puback(send_next(window));
    }
  }
  std::vector<std::uint64_t> all(25);
  std::iota(all.begin(), all.end(), 1);
  CHECK(sent == all);
}

TEST_CASE("rows go out in order and leave when acknowledged, also out of order") {
  auto window = caught_up();
  for (std::uint64_t i = 1; i <= 3; ++i) window.on_stored(row(i));
  const auto first = send_next(window);
  const auto second = send_next(window);
  CHECK(window.next_to_send()->sequence == 3);
  CHECK(window.on_puback(second)->sequence == 2);
  CHECK(window.in_flight() == 1);
  CHECK_FALSE(window.on_puback(second));
  CHECK(window.on_puback(first)->sequence == 1);
  CHECK(window.in_flight() == 0);
  CHECK(window.next_to_send()->sequence == 3);
}

TEST_CASE("the window is bounded in messages, bytes and memory") {
  auto window = caught_up({.in_flight_max = 2, .in_flight_bytes_max = 100, .loaded_max = 4});
  for (std::uint64_t i = 1; i <= 6; ++i) window.on_stored(row(i, i == 3 ? 1000 : 10));
  const auto first = send_next(window);
  const auto second = send_next(window);
  CHECK(window.next_to_send() == nullptr);
  (void)window.on_puback(first);
  CHECK(window.next_to_send() == nullptr);  // 1000 bytes wait for an empty window
  (void)window.on_puback(second);
  CHECK(window.next_to_send()->sequence == 3);
  // 5 and 6 stayed in the store.
  const auto fetch = window.wants_rows(SteadyTime{});
  REQUIRE(fetch);
  CHECK(fetch->after->sequence == 4);
}

TEST_CASE("after a lost link everything unacknowledged is sent again, first and in order") {
  auto window = caught_up();
  for (std::uint64_t i = 1; i <= 4; ++i) window.on_stored(row(i));
  const auto first = send_next(window);
  send_next(window);
  send_next(window);
  (void)window.on_puback(first);
  window.on_link_lost(LinkEnd::Lost);
  CHECK(window.take_condemned().empty());
  CHECK_FALSE(window.on_puback(PublishToken{last_token}));  // of the old link
  for (std::uint64_t i = 2; i <= 4; ++i) {
    REQUIRE(window.next_to_send());
    CHECK(window.next_to_send()->sequence == i);
    send_next(window);
  }
}

TEST_CASE("a message that kills the link is found, set aside, and costs its neighbours nothing") {
  auto window = caught_up();
  for (std::uint64_t i = 1; i <= 20; ++i) window.on_stored(row(i));
  std::vector<std::uint64_t> delivered;
  std::vector<std::uint64_t> quarantined;
  int drops = 0;
  int links = 0;
  while (window.next_to_send() != nullptr && links < 50) {
    ++links;
    // The hub acknowledges in order and closes when it sees number 5.
    std::vector<std::pair<PublishToken, std::uint64_t>> flying;
    bool closed = false;
    while (!closed && window.next_to_send() != nullptr) {
      while (const auto* next = window.next_to_send()) {
        const auto sequence = next->sequence;
        flying.emplace_back(send_next(window), sequence);
      }
      while (!flying.empty() && !closed) {
        const auto [token, sequence] = flying.front();
        flying.erase(flying.begin());
        closed = sequence == 5;
        if (!closed) delivered.push_back(window.on_puback(token)->sequence);
      }
      for (const auto& bad : window.take_condemned()) quarantined.push_back(bad.sequence);
    }
    if (closed) {
      ++drops;
      window.on_link_lost(LinkEnd::Lost);
      for (const auto& bad : window.take_condemned()) quarantined.push_back(bad.sequence);
    }
  }
  CHECK(drops == 5);
  CHECK(quarantined == std::vector<std::uint64_t>{5});
  CHECK(links == 6);
  std::vector<std::uint64_t> expected;
  for (std::uint64_t i = 1; i <= 20; ++i) {
    if (i != 5) expected.push_back(i);
  }
  CHECK(delivered == expected);
}

TEST_CASE("a planned reconnect counts against no message") {
  auto window = caught_up();
  window.on_stored(row(1));
  for (int i = 0; i < 20; ++i) {
    send_next(window);
    window.on_link_lost(LinkEnd::Planned);
    CHECK(window.take_condemned().empty());
  }
  CHECK(window.next_to_send()->sequence == 1);
}

TEST_CASE("the oldest unacknowledged message sets the deadline") {
  auto window = caught_up();
  window.on_stored(row(1));
  window.on_stored(row(2));
  CHECK_FALSE(window.puback_deadline());
  const PublishToken first{++last_token};
  window.on_sent(first, kNow);
  window.on_sent(PublishToken{++last_token}, kNow + 10s);
  CHECK(window.puback_deadline() == kNow + 60s);
  (void)window.on_puback(first);
  CHECK(window.puback_deadline() == kNow + 70s);
}

TEST_CASE("a failed fetch is tried again after a pause") {
  SendWindow window;
  REQUIRE(window.wants_rows(SteadyTime{}));
  window.on_fetched(failure(ErrorCode::StoreFailed, ErrorKind::Transient), SteadyTime{});
  CHECK_FALSE(window.wants_rows(SteadyTime{}));
  REQUIRE(window.fetch_again_at());
  CHECK(*window.fetch_again_at() > SteadyTime{});
  CHECK(window.wants_rows(*window.fetch_again_at()));
  CHECK_FALSE(window.fetch_again_at());
}
