// A send window between a store and a hub that are a few lines each: what the window's tests share.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <utility>
#include <vector>

#include "gateway/device/send_window.h"

namespace hubward::device::test {

inline StoredMessage row(std::uint64_t sequence, std::size_t body_bytes = 10) {
  StoredMessage stored;
  stored.sequence = sequence;
  stored.epoch = "e1";
  stored.message.body = std::string(body_bytes, 'x');
  return stored;
}

using Sequences = std::vector<std::uint64_t>;

inline Sequences range(std::uint64_t first, std::uint64_t last) {
  Sequences all;
  for (; first <= last; ++first) all.push_back(first);
  return all;
}

// The store has rows by sequence; the hub takes, ignores or closes as it is told.
class WindowHarness {
 public:
  explicit WindowHarness(SendWindowSettings settings = {}) : window(settings) {}

  void store(std::uint64_t sequence) {
    stored.push_back(sequence);
    window.on_stored(row(sequence));
  }
  void store(std::uint64_t first, std::uint64_t last) {
    for (; first <= last; ++first) store(first);
  }

  // Asks the store for what the window wants.
  void fetch() {
    while (const auto wanted = window.wants_rows(SteadyTime{})) {
      std::vector<StoredMessage> answer;
      for (const std::uint64_t sequence : stored) {
        if (wanted->after && sequence <= wanted->after->sequence) continue;
        if (wanted->before && sequence >= wanted->before->sequence) break;
        if (answer.size() < wanted->count) answer.push_back(row(sequence));
      }
      const bool more = !answer.empty();
      window.on_fetched(answer, SteadyTime{});
      if (!more) return;
    }
  }

  // Sends all that may be sent now.
  void send() {
    while (const StoredMessage* next = window.next_to_send()) {
      flying.emplace_back(PublishToken{++last_token}, next->sequence);
      sent.push_back(next->sequence);
      window.on_sent(flying.back().first, SteadyTime{});
    }
  }

  void acknowledge(std::uint64_t sequence) {
    const auto at = std::find_if(flying.begin(), flying.end(),
                                 [&](const auto& one) { return one.second == sequence; });
    REQUIRE(at != flying.end());
    const auto released = window.on_puback(at->first);
    REQUIRE(released);
    CHECK(released->sequence == sequence);
    flying.erase(at);
    std::erase(stored, sequence);
    delivered.push_back(sequence);
    take_condemned();
  }

  void lose_link(LinkEnd end) {
    flying.clear();
    window.on_link_lost(end);
    take_condemned();
  }

  // One link on which the hub acknowledges what it gets, in order, until `fatal` says of a message
  // that it ends the link. False: nothing ended it, and nothing is left to send.
  bool live(const std::function<bool(std::uint64_t)>& fatal) {
    window.on_link_up();
    return drain(fatal);
  }
  // The same on a link that is up.
  bool drain(const std::function<bool(std::uint64_t)>& fatal) {
    while (true) {
      fetch();
      send();
      if (flying.empty()) return false;
      const std::uint64_t first = flying.front().second;
      if (fatal(first)) {
        lose_link(LinkEnd::Lost);
        return true;
      }
      acknowledge(first);
    }
  }

  SendWindow window;
  Sequences stored, sent, delivered, condemned;
  std::vector<std::pair<PublishToken, std::uint64_t>> flying;

 private:
  void take_condemned() {
    for (const StoredMessage& bad : window.take_condemned()) {
      condemned.push_back(bad.sequence);
      std::erase(stored, bad.sequence);
    }
  }
  std::uint64_t last_token = 0;
};

}  // namespace hubward::device::test
