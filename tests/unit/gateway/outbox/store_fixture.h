// What the outbox tests share.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/outbox/store.h"

namespace hubward::outbox::test {

inline constexpr WallTime kNow{std::chrono::milliseconds{1767600000000}};

// Distinct, and the same in every run.
inline std::function<std::uint64_t()> counting_bits(std::uint64_t start = 1) {
  return [next = start]() mutable { return next++ * 0x9E3779B97F4A7C15ULL; };
}

inline StoreOptions store_options(std::string path, std::uint64_t boot_id = 1) {
  // The object's address differs between calls; epochs must too, as after a real restart.
  static std::uint64_t stores = 0;
  StoreOptions options;
  options.path = std::move(path);
  options.boot_id = boot_id;
  options.epoch_bits = counting_bits(1 + 1000 * stores++);
  return options;
}

// Under `tests/run --long`.
inline bool long_run() {
  const char* value = std::getenv("HUBWARD_LONG");
  return value != nullptr && std::string_view{value} == "1";
}

inline OutboxMessage text(std::string body, Priority priority = Priority::Normal) {
  OutboxMessage message;
  message.priority = priority;
  message.created = kNow;
  message.since_boot = std::chrono::seconds{5};
  message.boot_id = 0xFEDCBA9876543210ULL;
  message.component = "meter";
  message.properties = {{"unit", "kWh"}, {"empty", ""}};
  message.body = std::move(body);
  return message;
}

inline Result<StoredMessage> append(OutboxStore& store, StoreDevice device, std::string body,
                                    Priority priority = Priority::Normal) {
  std::vector<NewMessage> messages;
  messages.push_back({device, text(std::move(body), priority)});
  return store.commit(std::move(messages)).front();
}

inline std::vector<StoredMessage> waiting(OutboxStore& store, StoreDevice device) {
  std::vector<StoredMessage> all;
  while (true) {
    const StoredMessage* after = all.empty() ? nullptr : &all.back();
    auto rows = store.fetch(device, after, 100, store.newest_row(), kNow);
    if (!rows || rows->empty()) return all;
    all.insert(all.end(), rows->begin(), rows->end());
  }
}

inline std::vector<std::string> bodies(OutboxStore& store, StoreDevice device) {
  std::vector<std::string> all;
  for (const StoredMessage& row : waiting(store, device)) all.push_back(row.message.body);
  return all;
}

inline void release(OutboxStore& store, StoreDevice device, const StoredMessage& row) {
  store.release(device, row.epoch, row.sequence);
}

}  // namespace hubward::outbox::test
