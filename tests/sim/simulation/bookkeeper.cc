#include "tests/sim/simulation/bookkeeper.h"

#include <utility>

#include "tests/sim/simulation/simulated_machine.h"

namespace hubward::simulation {
namespace {

// More rows than a device has in any seed.
constexpr std::size_t kRowsMax = 1'000'000;
constexpr std::string_view kIdKey = "%24.mid=";

}  // namespace

std::string device_name(std::size_t device) { return "device-" + std::to_string(device); }

Bookkeeper::Bookkeeper(std::size_t devices, simcloud::World& cloud, const Clock& clock,
                       std::function<void(const std::string&)> complain)
    : cloud_(cloud), clock_(clock), complain_(std::move(complain)), books_(devices) {
  for (std::size_t i = 0; i < devices; ++i) by_name_[device_name(i)] = i;
}

std::size_t Bookkeeper::device_of(const std::string& name) const { return by_name_.at(name); }

DeviceBook::Complain Bookkeeper::complain_for(std::size_t device) const {
  return [this, device](const std::string& what) { complain_(device_name(device) + ": " + what); };
}

void Bookkeeper::on_start(outbox::OutboxStore& store) {
  store_ = &store;
  was_ready_ = store.state().health == StoreHealth::Ready;
  if (!to_list_) to_list_ = DeviceBook::Occasion{.process_began = true, .damaged = damaged_};
  to_list_->found_late = to_list_->found_late || !is_open();
  by_store_device_.clear();
  is_counting_on_ = false;
  on_round();
}

void Bookkeeper::on_death(Death death) {
  bool memory_died = false;
  if (store_ != nullptr) {
    note_memory();
    memory_died = store_->is_in_memory() || store_->state().health != StoreHealth::Ready;
  }
  for (DeviceBook& book : books_) book.on_death();
  store_ = nullptr;
  is_counting_on_ = false;
  in_memory_ = false;
  // A death before the store of the last one could be read adds to what may have happened to it.
  DeviceBook::Occasion occasion = to_list_.value_or(DeviceBook::Occasion{});
  occasion.process_began = true;
  occasion.damaged = damaged_;
  occasion.memory_died = occasion.memory_died || memory_died;
  if (death != Death::Process && !occasion.disk_forgot) {
    occasion.disk_forgot = true;
    occasion.safe_until =
        disk_suspect_ ? last_clean_ : clock_.steady() - SimulatedMachine::sync_window();
  }
  to_list_ = occasion;
}

void Bookkeeper::on_round() {
  if (store_ == nullptr) return;
  const bool ready = store_->state().health == StoreHealth::Ready;
  const bool set_aside = !store_->take_set_aside().empty();
  if (set_aside && !damaged_) complain_("a sound store was set aside");
  if ((ready && !was_ready_) || set_aside) {
    if (!to_list_) to_list_ = DeviceBook::Occasion{};
    to_list_->damaged = damaged_;
  }
  was_ready_ = ready;
  if (!store_->unsynced() && ready && !disk_fault_) {
    last_clean_ = clock_.steady();
    disk_suspect_ = false;
  }
  // The store of a new process, or another one in its place, counts anew: only its list tells.
  note_memory();
  if (is_counting_on_ && !set_aside) hear_drops();
  if (to_list_ && is_open()) list(*std::exchange(to_list_, std::nullopt));
}

void Bookkeeper::note_memory() {
  const auto& rows = store_->memory_rows().rows();
  if (rows.empty() && !in_memory_) return;
  in_memory_ = !rows.empty();
  std::vector<std::set<DeviceBook::Reading>> readings(books_.size());
  std::vector<std::optional<std::uint64_t>> dropped(books_.size());
  std::map<std::uint32_t, std::size_t> which;
  for (const auto& name : store_->devices()) {
    const auto device = store_->attach(name);
    const std::size_t book = which[device.value] = device_of(name);
    const OutboxCounts counts = store_->counts(device);
    if (is_counting_on_) dropped[book] = counts.dropped + counts.expired;
  }
  for (const auto& [row, kept] : rows) {
    readings[which.at(kept.device.value)].insert(reading_in(kept.message.body));
  }
  for (std::size_t i = 0; i < books_.size(); ++i) {
    books_[i].on_in_memory(std::move(readings[i]), dropped[i], store_->is_in_memory(),
                           clock_.steady());
  }
}

void Bookkeeper::hear_drops() {
  for (const auto device : store_->take_changed()) {
    auto known = by_store_device_.find(device.value);
    if (known == by_store_device_.end()) {
      find_devices();
      known = by_store_device_.find(device.value);
      if (known == by_store_device_.end()) continue;
    }
    const OutboxCounts counts = store_->counts(device);
    books_[known->second].on_drop_counter(counts.dropped + counts.expired,
                                          complain_for(known->second));
  }
}

// Only those the store knows by itself: it must not need to be told of them.
void Bookkeeper::find_devices() {
  by_store_device_.clear();
  store_devices_.assign(books_.size(), std::nullopt);
  for (const auto& name : store_->devices()) {
    const auto device = store_->attach(name);
    const std::size_t which = device_of(name);
    by_store_device_[device.value] = which;
    store_devices_[which] = device;
  }
}

void Bookkeeper::list(DeviceBook::Occasion occasion) {
  (void)store_->take_changed();
  find_devices();
  for (std::size_t i = 0; i < books_.size(); ++i) {
    const auto known = store_devices_[i];
    if (!known) {
      books_[i].on_listed({}, {}, occasion, complain_for(i));
      continue;
    }
    const outbox::StoreDevice device = *known;
    auto rows = store_->fetch(device, nullptr, kRowsMax, store_->newest_row(), clock_.wall());
    std::vector<StoredMessage> all;
    while (rows && !rows->empty()) {
      std::move(rows->begin(), rows->end(), std::back_inserter(all));
      rows = store_->fetch(device, &all.back(), kRowsMax, store_->newest_row(), clock_.wall());
    }
    if (!rows) {  // the disk failed meanwhile
      to_list_ = occasion;
      return;
    }
    books_[i].on_listed(all, store_->counts(device), occasion, complain_for(i));
  }
  is_counting_on_ = true;
}

void Bookkeeper::on_end() {
  if (!is_open()) {
    return complain_("the store is not open long after the disk was repaired: " +
                     store_->state().detail);
  }
  list(DeviceBook::Occasion{.at_end = true, .damaged = damaged_});
}

void Bookkeeper::on_disk_fault() {
  disk_fault_ = true;
  if (disk_suspect_) return;
  disk_suspect_ = true;
  last_clean_ = clock_.steady() - SimulatedMachine::sync_window();
}

void Bookkeeper::on_stored(std::size_t device, const StoredMessage& row) {
  books_[device].on_stored(reading_in(row.message.body), row, clock_.steady(),
                           complain_for(device));
}

void Bookkeeper::on_released(std::size_t device, const StoredMessage& row) {
  const auto reading = books_[device].on_released(row);
  if (reading == 0) return;
  const simcloud::Device* at_cloud = cloud_.find_device(device_name(device));
  if (at_cloud != nullptr) {
    const auto& counters = at_cloud->ledger.counters();
    const auto series = counters.find("counter");
    if (series != counters.end() && series->second.seen.contains(reading)) return;
  }
  complain_(device_name(device) + ": reading " + std::to_string(reading) +
            " was released and is not in the cloud");
}

void Bookkeeper::on_quarantined(std::size_t device, const StoredMessage& row) {
  books_[device].on_quarantined(row);
}

void Bookkeeper::on_sent(const std::string& client, std::string_view topic, std::string_view body) {
  const std::size_t device = device_of(client);
  const std::size_t at = topic.find(kIdKey);
  std::string_view id = at == std::string_view::npos ? "" : topic.substr(at + kIdKey.size());
  id = id.substr(0, id.find('&'));
  books_[device].on_sent(reading_in(body), id, complain_for(device));
}

}  // namespace hubward::simulation
