// Keeps every device's book: hears what passes between devices and outbox, looks into the store
// after each of its transactions, and complains at once.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "tests/sim/cloud/world.h"
#include "tests/sim/simulation/books.h"
#include "tests/sim/simulation/scale.h"
#include "tests/support/simulated_outbox.h"

namespace hubward::simulation {

[[nodiscard]] std::string device_name(std::size_t device);

class Bookkeeper {
 public:
  // `cloud` and `clock` (the world's) outlive this; `complain` is called with one sentence.
  Bookkeeper(std::size_t devices, simcloud::World& cloud, const Clock& clock,
             std::function<void(const std::string&)> complain);

  [[nodiscard]] DeviceBook& book(std::size_t device) { return books_[device]; }
  [[nodiscard]] std::size_t device_of(const std::string& name) const;

  // --- The life of a process. `store` is that of the outbox that was just started.
  void on_start(outbox::OutboxStore& store);
  void on_death(Death death);
  // After each transaction.
  void on_round();
  // At the very end: everything must be as it is known.
  void on_end();

  // --- The disk misbehaves, or behaves again.
  void on_disk_fault();
  void on_disk_repaired() { disk_fault_ = false; }
  void on_disk_damaged() { damaged_ = true; }

  // --- From WatchedOutbox and the network.
  void on_stored(std::size_t device, const StoredMessage& row);
  void on_released(std::size_t device, const StoredMessage& row);
  void on_quarantined(std::size_t device, const StoredMessage& row);
  void on_sent(const std::string& client, std::string_view topic, std::string_view body);

 private:
  void find_devices();
  void hear_drops();
  void list(DeviceBook::Occasion occasion);
  void note_memory();
  [[nodiscard]] DeviceBook::Complain complain_for(std::size_t device) const;
  [[nodiscard]] bool is_open() const { return store_ != nullptr && store_->is_open(); }

  simcloud::World& cloud_;
  const Clock& clock_;
  std::function<void(const std::string&)> complain_;
  std::vector<DeviceBook> books_;
  std::map<std::string, std::size_t, std::less<>> by_name_;
  outbox::OutboxStore* store_ = nullptr;
  std::map<std::uint32_t, std::size_t> by_store_device_;  // of this store
  std::vector<std::optional<outbox::StoreDevice>> store_devices_;
  std::optional<DeviceBook::Occasion> to_list_;  // as soon as the store is open
  bool was_ready_ = false;
  bool in_memory_ = false;       // the store has rows that the disk has not
  bool is_counting_on_ = false;  // from what the books know: this process's store was listed
  bool disk_fault_ = false;
  bool disk_suspect_ = false;  // a fault was, and nothing proved since that all is on the disk
  bool damaged_ = false;       // for good: what is left in the file nobody knows
  SteadyTime last_clean_{};    // everything stored before was on the disk
};

}  // namespace hubward::simulation
