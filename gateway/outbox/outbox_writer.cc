#include "gateway/outbox/outbox_writer.h"

#include <algorithm>
#include <utility>

#include "gateway/api/store_words.h"
#include "gateway/outbox/row_codec.h"

namespace hubward::outbox {
namespace {

// How old the status may be that is shown.
constexpr std::chrono::seconds kStatusInterval{1};

}  // namespace

OutboxWriter::OutboxWriter(WriterOptions options, const Clock& clock)
    : clock_(clock),
      commit_interval_(options.commit_interval),
      log_(options.log),
      rounds_(std::move(options.store), options.sync_window, clock),
      last_commit_(clock.steady() - options.commit_interval) {
  publish();
  thread_ = std::jthread([this] { run(); });
}

OutboxWriter::~OutboxWriter() {
  {
    const std::lock_guard lock(mailbox_mutex_);
    stopping_ = true;
  }
  mailbox_changed_.notify_all();
}

// --- Any thread

void OutboxWriter::attach(DeviceIndex device, const std::string& device_id, Loop& home) {
  const std::lock_guard lock(mailbox_mutex_);
  if (homes_.size() <= device.value) homes_.resize(device.value + 1);
  if (turned_away_.size() <= device.value) turned_away_.resize(device.value + 1);
  homes_[device.value] = &home;
  put_locked(AttachRequest{device, device_id, &home});
}

void OutboxWriter::append(DeviceIndex device, OutboxMessage message, Appended done) {
  const std::uint64_t bytes = charged_bytes(message);
  Error why;
  Loop* home = nullptr;
  {
    const std::lock_guard lock(mailbox_mutex_);
    home = homes_[device.value];
    const bool full = waiting_messages_ >= kMailboxMessagesMax ||
                      (waiting_messages_ > 0 && waiting_bytes_ + bytes > kMailboxBytesMax);
    if (!stopping_ && !full) {
      ++waiting_messages_;
      waiting_bytes_ += bytes;
      put_locked(AppendRequest{device, std::move(message), std::move(done)});
      return;
    }
    if (!stopping_) ++turned_away_[device.value];
    why = stopping_ ? Error{ErrorCode::Stopped, ErrorKind::Transient, {}}
                    : Error{ErrorCode::StoreFailed, ErrorKind::Throttled,
                            std::to_string(waiting_messages_) + " messages wait for the disk"};
  }
  if (!done) return;
  home->post([done = std::move(done), why = std::move(why)] { done(tl::unexpected<Error>(why)); });
}

void OutboxWriter::fetch(DeviceIndex device, const StoredMessage* after,
                         const StoredMessage* before, std::size_t count_max, Fetched done) {
  put(fetch_request(device, after, before, count_max, std::move(done)));
}

void OutboxWriter::release(DeviceIndex device, const StoredMessage& row) {
  put(ReleaseRequest{device, row.epoch, row.sequence});
}

void OutboxWriter::quarantine(DeviceIndex device, const StoredMessage& row, ErrorCode why) {
  put(QuarantineRequest{device, row.epoch, row.sequence, why});
}

void OutboxWriter::list_quarantined(std::size_t count_max, Loop& loop, Listed done) {
  put(ListRequest{count_max, &loop, std::move(done)});
}

void OutboxWriter::put(Request request) {
  const std::lock_guard lock(mailbox_mutex_);
  put_locked(std::move(request));
}

void OutboxWriter::put_locked(Request request) {
  const bool urgent = is_urgent(request);
  const bool first_urgent = urgent && !urgent_;
  const bool first_lazy = !urgent && !lazy_at_;
  if (first_lazy) lazy_at_ = clock_.steady() + kReleaseLinger;
  urgent_ = urgent_ || urgent;
  mailbox_.push_back(std::move(request));
  const bool much = waiting_messages_ == kCommitMessagesMax;
  if (writer_waits_ && (first_urgent || first_lazy || much)) mailbox_changed_.notify_all();
}

OutboxCounts OutboxWriter::counts(DeviceIndex device) const {
  OutboxCounts counts;
  {
    const std::lock_guard lock(shown_mutex_);
    if (device.value >= shown_as_.size() || !shown_as_[device.value]) return {};
    const std::size_t place = shown_as_[device.value]->value;
    if (place < shown_counts_.size()) counts = shown_counts_[place];
  }
  const std::lock_guard lock(mailbox_mutex_);
  counts.unstored += turned_away_[device.value];
  return counts;
}

OutboxCounts OutboxWriter::totals() const {
  OutboxCounts totals;
  {
    const std::lock_guard lock(shown_mutex_);
    for (const OutboxCounts& counts : shown_counts_) add_counts(totals, counts);
  }
  const std::lock_guard lock(mailbox_mutex_);
  for (const std::uint64_t messages : turned_away_) totals.unstored += messages;
  return totals;
}

void OutboxWriter::watch(Loop& loop, OutboxWatcher& watcher) {
  const std::lock_guard lock(shown_mutex_);
  watching_on_ = &loop;
  watcher_ = &watcher;
}

void OutboxWriter::clear_quarantined(std::int64_t newest_place, Loop& loop,
                                     std::function<void(Status)> done) {
  put(ClearRequest{newest_place, &loop, std::move(done)});
}

StoreStatus OutboxWriter::status() const {
  const std::lock_guard lock(shown_mutex_);
  return shown_status_;
}

StoreState OutboxWriter::state() const {
  const std::lock_guard lock(shown_mutex_);
  return shown_state_;
}

std::vector<SetAside> OutboxWriter::set_aside() const {
  const std::lock_guard lock(shown_mutex_);
  return shown_set_aside_;
}

bool OutboxWriter::flush_and_stop(std::chrono::milliseconds timeout) {
  std::unique_lock lock(mailbox_mutex_);
  stopping_ = true;
  mailbox_changed_.notify_all();
  return mailbox_changed_.wait_for(lock, timeout, [this] { return stopped_; });
}

// --- The writer's thread

void OutboxWriter::run() noexcept {
  std::vector<Request> round;
  std::optional<ClockReading> expiry;
  while (wait_for_work(round, expiry)) {
    std::span<Request> rest{round};
    do {
      const auto part = rest.first(std::min(rest.size(), kCommitMessagesMax));
      if (!part.empty()) serve(part);
      rest = rest.subspan(part.size());
      if (rest.empty() && expiry) rounds_.drop_expired(*expiry);
      rounds_.look_after_store();
    } while (!rest.empty());
    round.clear();
    publish();
  }
  // On an error the rows are on the disk, only not marked so; but not those in memory. Not
  // published: a store that was closed on purpose is no news.
  (void)rounds_.store().close();
  if (const StoreStatus left = rounds_.store().status(); left.memory_messages > 0 && log_) {
    log_->write(LogLevel::Error, "outbox_memory_lost",
                {{"messages", std::to_string(left.memory_messages)}, {"reason", left.detail}});
  }
  const std::lock_guard lock(mailbox_mutex_);
  stopped_ = true;
  mailbox_changed_.notify_all();
}

// False when there is nothing left to do for good. An empty round: something in the store is due.
bool OutboxWriter::wait_for_work(std::vector<Request>& round, std::optional<ClockReading>& expiry) {
  std::unique_lock lock(mailbox_mutex_);
  while (true) {
    const SteadyTime now = clock_.steady();
    if (stopping_ && mailbox_.empty()) return false;
    std::optional<SteadyTime> at;  // when the mailbox is taken
    if (urgent_) {
      at = last_commit_ + commit_interval_;
    } else {
      at = lazy_at_;
    }
    expiry = rounds_.expiry_due();
    if (stopping_ || waiting_messages_ >= kCommitMessagesMax || (at && *at <= now) || expiry) {
      std::swap(round, mailbox_);
      urgent_ = false;
      lazy_at_.reset();
      return true;
    }
    const auto duty = rounds_.next_duty();
    if (duty && *duty <= now) return true;
    if (duty && (!at || *duty < *at)) at = duty;
    writer_waits_ = true;
    if (at) {
      mailbox_changed_.wait_for(lock, *at - now);
    } else {
      mailbox_changed_.wait(lock);
    }
    writer_waits_ = false;
  }
}

void OutboxWriter::serve(std::span<Request> round) {
  std::size_t messages = 0;
  std::uint64_t bytes = 0;
  for (const Request& request : round) {
    if (const auto* append = std::get_if<AppendRequest>(&request)) {
      ++messages;
      bytes += charged_bytes(append->message);
    } else if (const auto* attach = std::get_if<AttachRequest>(&request)) {
      newly_attached_.push_back(attach->device);
    }
  }
  last_commit_ = clock_.steady();
  Answers answers = rounds_.serve(round);
  {
    const std::lock_guard lock(mailbox_mutex_);
    waiting_messages_ -= messages;
    waiting_bytes_ -= bytes;
  }
  // What is shown is never older than what is answered.
  publish();
  answers.post();
}

void OutboxWriter::publish() {
  OutboxStore& store = rounds_.store();
  const auto changed = store.take_changed();
  const auto aside = store.take_set_aside();
  const StoreState& state = store.state();
  const bool memory_only = store.is_in_memory();
  bool new_state = false;
  {
    const std::lock_guard lock(shown_mutex_);
    for (const StoreDevice device : changed) {
      if (shown_counts_.size() <= device.value) shown_counts_.resize(device.value + 1);
      shown_counts_[device.value] = store.counts(device);
    }
    for (const DeviceIndex device : newly_attached_) {
      if (shown_as_.size() <= device.value) shown_as_.resize(device.value + 1);
      const auto stored_as = rounds_.stored_as(device);
      shown_as_[device.value] = stored_as;
      if (!stored_as) continue;
      if (attached_as_.size() <= stored_as->value) attached_as_.resize(stored_as->value + 1);
      attached_as_[stored_as->value] = device;
    }
    newly_attached_.clear();
    new_state = shown_state_ != state || told_memory_only_ != memory_only;
    shown_state_ = state;
    for (const SetAside& damaged : aside) show(damaged);
  }
  told_memory_only_ = memory_only;
  tell_watcher(changed);
  const SteadyTime now = clock_.steady();
  if (new_state || now >= status_at_) publish_status(now);
  if (log_ == nullptr) return;
  for (const SetAside& damaged : aside) {
    log_->write(LogLevel::Error, "outbox_set_aside",
                {{"path", damaged.path},
                 {"reason", damaged.why},
                 {"rescued", std::to_string(damaged.rescued)},
                 {"left_behind", std::to_string(damaged.left_behind)}});
  }
  if (new_state) tell(state, memory_only);
}

// After the counts can be read, so that nobody who is told reads what was before.
void OutboxWriter::tell_watcher(std::span<const StoreDevice> changed) {
  Loop* loop = nullptr;
  OutboxWatcher* watcher = nullptr;
  {
    const std::lock_guard lock(shown_mutex_);
    if (watcher_ == nullptr) return;
    loop = watching_on_;
    watcher = watcher_;
  }
  std::vector<DeviceIndex> devices;
  for (const StoreDevice device : changed) {
    if (device.value < attached_as_.size() && attached_as_[device.value]) {
      devices.push_back(*attached_as_[device.value]);
    }
  }
  if (!devices.empty()) {
    loop->post([watcher, devices = std::move(devices)] { watcher->on_counts_changed(devices); });
  }
  if (rounds_.store().take_found_rows()) loop->post([watcher] { watcher->on_rows_found(); });
}

// With shown_mutex_ held. What is told once more is the same store.
void OutboxWriter::show(const SetAside& damaged) {
  const auto told = std::find_if(shown_set_aside_.begin(), shown_set_aside_.end(),
                                 [&](const SetAside& one) { return one.path == damaged.path; });
  if (told == shown_set_aside_.end()) {
    shown_set_aside_.push_back(damaged);
  } else {
    *told = damaged;
  }
}

// Looks at every device, so not with every commit.
void OutboxWriter::publish_status(SteadyTime now) {
  status_at_ = now + kStatusInterval;
  StoreStatus status = rounds_.store().status();
  const std::lock_guard lock(shown_mutex_);
  status.set_aside = shown_set_aside_.size();
  for (const SetAside& aside : shown_set_aside_) status.rescued_messages += aside.rescued;
  shown_status_ = std::move(status);
}

void OutboxWriter::tell(const StoreState& state, bool memory_only) {
  const bool ready = state.health == StoreHealth::Ready && !memory_only;
  const std::uint64_t limit = rounds_.store().limits().memory_bytes_max;
  log_->write(ready ? LogLevel::Info : LogLevel::Error, ready ? "outbox_ready" : "outbox_failing",
              {{"state", std::string(words_for(state.health).label)},
               {"reason", state.detail},
               {"new_messages", ready         ? "on_disk"
                                : memory_only ? "in_memory"
                                              : "refused"},
               {"memory_bytes_max", std::to_string(limit)}});
}

}  // namespace hubward::outbox
