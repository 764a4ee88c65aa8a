#include "gateway/outbox/outbox_writer.h"

#include <algorithm>
#include <utility>

#include "gateway/outbox/row_codec.h"

namespace hubward::outbox {
namespace {

template <class... Visitors>
struct Visit : Visitors... {
  using Visitors::operator()...;
};
template <class... Visitors>
Visit(Visitors...) -> Visit<Visitors...>;

template <class T>
T& grown(std::vector<T>& table, DeviceIndex device) {
  if (table.size() <= device.value) table.resize(device.value + 1);
  return table[device.value];
}

const char* health_word(StoreHealth health) {
  switch (health) {
    case StoreHealth::Ready:
      return "ready";
    case StoreHealth::DiskFull:
      return "disk_full";
    case StoreHealth::ReadOnly:
      return "read_only";
    case StoreHealth::IoError:
      return "io_error";
    case StoreHealth::Unavailable:
      break;
  }
  return "unavailable";
}

}  // namespace

// What one round answers, collected so that each loop is woken once, in the order of the calls.
class OutboxWriter::Answers {
 public:
  void add(Loop* loop, std::function<void()> answer) { on(loop).push_back(std::move(answer)); }
  void post() {
    for (auto& [loop, answers] : by_loop_) {
      loop->post([answers = std::move(answers)] {
        for (const auto& answer : answers) answer();
      });
    }
  }

 private:
  std::vector<std::function<void()>>& on(Loop* loop) {
    for (auto& [known, answers] : by_loop_) {
      if (known == loop) return answers;
    }
    return by_loop_.emplace_back(loop, std::vector<std::function<void()>>{}).second;
  }
  std::vector<std::pair<Loop*, std::vector<std::function<void()>>>> by_loop_;  // a few
};

OutboxWriter::OutboxWriter(WriterOptions options, const Clock& clock)
    : clock_(clock), options_(std::move(options)), store_([&] {
        StoreOptions store = options_.store;
        store.sync_every_commit = options_.sync_window.count() == 0;
        return store;
      }()) {
  (void)store_.open();  // what it found is in the state
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
  grown(homes_, device) = &home;
  put_locked(Attach{device, device_id, &home}, false);
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
      put_locked(Append{device, std::move(message), std::move(done)}, true);
      return;
    }
    why = stopping_ ? Error{ErrorCode::Stopped, ErrorKind::Transient, {}}
                    : Error{ErrorCode::StoreFailed, ErrorKind::Throttled,
                            std::to_string(waiting_messages_) + " messages wait for the disk"};
  }
  if (!done) return;
  home->post([done = std::move(done), why = std::move(why)] { done(tl::unexpected<Error>(why)); });
}

void OutboxWriter::fetch(DeviceIndex device, const StoredMessage* after, std::size_t count_max,
                         Fetched done) {
  Fetch request{device, std::nullopt, count_max, std::move(done)};
  if (after != nullptr) request.after = StoredMessage{after->sequence, after->epoch, {}};
  const std::lock_guard lock(mailbox_mutex_);
  put_locked(std::move(request), true);
}

void OutboxWriter::release(DeviceIndex device, const StoredMessage& row) {
  const std::lock_guard lock(mailbox_mutex_);
  put_locked(Release{device, row.epoch, row.sequence}, false);
}

void OutboxWriter::quarantine(DeviceIndex device, const StoredMessage& row, ErrorCode why) {
  const std::lock_guard lock(mailbox_mutex_);
  put_locked(Quarantine{device, row.epoch, row.sequence, why}, true);
}

void OutboxWriter::list_quarantined(std::size_t count_max, Loop& loop, Listed done) {
  const std::lock_guard lock(mailbox_mutex_);
  put_locked(List{count_max, &loop, std::move(done)}, true);
}

void OutboxWriter::put_locked(Request request, bool urgent) {
  mailbox_.push_back(std::move(request));
  const bool first_urgent = urgent && !urgent_;
  const bool first_lazy = !urgent && !lazy_at_;
  if (first_lazy) lazy_at_ = clock_.steady() + kReleaseLinger;
  urgent_ = urgent_ || urgent;
  const bool much = waiting_messages_ == kCommitMessagesMax;
  if (writer_waits_ && (first_urgent || first_lazy || much)) mailbox_changed_.notify_all();
}

OutboxCounts OutboxWriter::counts(DeviceIndex device) const {
  const std::lock_guard lock(shown_mutex_);
  if (device.value >= shown_as_.size() || !shown_as_[device.value]) return {};
  const std::size_t place = shown_as_[device.value]->value;
  return place < shown_counts_.size() ? shown_counts_[place] : OutboxCounts{};
}

OutboxCounts OutboxWriter::totals() const {
  const std::lock_guard lock(shown_mutex_);
  OutboxCounts totals;
  for (const OutboxCounts& counts : shown_counts_) add_counts(totals, counts);
  return totals;
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
  settle_at_ = clock_.steady() + kSettleInterval;
  while (wait_for_work(round)) {
    for (std::span<Request> rest{round}; !rest.empty();) {
      const auto part = rest.first(std::min(rest.size(), kCommitMessagesMax));
      serve(part);
      look_after_store();
      rest = rest.subspan(part.size());
    }
    round.clear();
    look_after_store();
  }
  (void)store_.close();  // on an error the rows are on the disk all the same, only not marked so
  publish();
  const std::lock_guard lock(mailbox_mutex_);
  stopped_ = true;
  mailbox_changed_.notify_all();
}

// False when there is nothing left to do for good. An empty round: something in the store is due.
bool OutboxWriter::wait_for_work(std::vector<Request>& round) {
  std::unique_lock lock(mailbox_mutex_);
  while (true) {
    const SteadyTime now = clock_.steady();
    if (stopping_ && mailbox_.empty()) return false;
    std::optional<SteadyTime> at;  // when the mailbox is taken
    if (urgent_)
      at = last_commit_ + options_.commit_interval;
    else
      at = lazy_at_;
    if (stopping_ || waiting_messages_ >= kCommitMessagesMax || (at && *at <= now)) {
      std::swap(round, mailbox_);
      urgent_ = false;
      lazy_at_.reset();
      return true;
    }
    const auto duty = next_duty();
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

std::optional<SteadyTime> OutboxWriter::next_duty() const {
  std::optional<SteadyTime> next;
  for (const auto& at : {sync_at_, settle_at_, reopen_at_}) {
    if (at && (!next || *at < *next)) next = at;
  }
  return next;
}

void OutboxWriter::serve(std::span<Request> round) {
  std::vector<NewMessage> messages;
  std::uint64_t bytes = 0;
  for (Request& request : round) {
    take(request, messages);
    if (std::holds_alternative<Append>(request)) bytes += charged_bytes(messages.back().message);
  }
  const std::size_t count = messages.size();
  last_commit_ = clock_.steady();
  auto results = store_.commit(std::move(messages));
  answer(round, std::move(results));
  const std::lock_guard lock(mailbox_mutex_);
  waiting_messages_ -= count;
  waiting_bytes_ -= bytes;
}

void OutboxWriter::take(Request& request, std::vector<NewMessage>& messages) {
  std::visit(Visit{[&](Attach& attach) {
                     const StoreDevice device = store_.attach(attach.device_id);
                     grown(attached_, attach.device) = {device, attach.home};
                     const std::lock_guard lock(shown_mutex_);
                     grown(shown_as_, attach.device) = device;
                   },
                   [&](Append& append) {
                     messages.push_back({attached(append.device).store, std::move(append.message)});
                   },
                   [&](const Release& row) {
                     store_.release(attached(row.device).store, row.epoch, row.sequence);
                   },
                   [&](const Quarantine& row) {
                     store_.quarantine(attached(row.device).store, row.epoch, row.sequence, row.why,
                                       clock_.wall());
                   },
                   [](const Fetch&) {}, [](const List&) {}},
             request);
}

OutboxWriter::Attached OutboxWriter::attached(DeviceIndex device) const {
  return attached_[device.value];
}

void OutboxWriter::answer(std::span<Request> round, std::vector<Result<StoredMessage>> results) {
  // A fetch must not answer rows whose append was called after it: they are answered by themselves.
  RowId newest = store_.newest_row();
  for (const auto& result : results) newest -= result ? 1 : 0;
  Answers answers;
  auto result = results.begin();
  for (Request& request : round) {
    std::visit(
        Visit{[&](Append& append) {
                newest += *result ? 1 : 0;
                if (append.done) {
                  answers.add(attached(append.device).home,
                              [done = std::move(append.done), stored = std::move(*result)] {
                                done(stored);
                              });
                }
                ++result;
              },
              [&](Fetch& fetch) {
                const Attached device = attached(fetch.device);
                answers.add(
                    device.home,
                    [done = std::move(fetch.done),
                     rows = store_.fetch(device.store, fetch.after ? &*fetch.after : nullptr,
                                         fetch.count_max, newest, clock_.wall())] { done(rows); });
              },
              [&](List& list) {
                answers.add(list.loop, [done = std::move(list.done),
                                        rows = store_.quarantined(list.count_max)] { done(rows); });
              },
              [](const auto&) {}},
        request);
  }
  // What is shown is never older than what is answered.
  publish();
  answers.post();
}

void OutboxWriter::look_after_store() {
  const SteadyTime now = clock_.steady();
  if (settle_at_ && *settle_at_ <= now) {
    store_.settle();
    if (store_.has_pending_work()) (void)store_.commit({});
    settle_at_ = now + kSettleInterval;
  }
  if (store_.state().health == StoreHealth::Ready) {
    reopen_at_.reset();
  } else if (!reopen_at_) {
    reopen_at_ = now + kReopenInterval;
  } else if (*reopen_at_ <= now) {
    // A full disk shows by itself when it has room again; anything else may need new handles.
    if (store_.state().health != StoreHealth::DiskFull) (void)store_.open();
    reopen_at_ = now + kReopenInterval;
  }
  flush(now);
  publish();
}

void OutboxWriter::flush(SteadyTime now) {
  if (!store_.unsynced()) {
    sync_at_.reset();
    return;
  }
  if (!sync_at_) {
    // Early enough that the disk is done within the window, going by the last time.
    const std::chrono::nanoseconds window = options_.sync_window;
    sync_at_ = now + std::max(window / 2, window - last_sync_took_);
    return;
  }
  if (*sync_at_ > now) return;
  const Status synced = store_.sync();
  const SteadyTime after = clock_.steady();
  last_sync_took_ = after - now;
  sync_at_.reset();
  if (!synced) sync_at_ = after + kReopenInterval;
}

void OutboxWriter::publish() {
  const auto changed = store_.take_changed();
  const auto aside = store_.take_set_aside();
  const StoreState state = store_.state();
  bool new_state = false;
  {
    const std::lock_guard lock(shown_mutex_);
    for (const StoreDevice device : changed) {
      if (shown_counts_.size() <= device.value) shown_counts_.resize(device.value + 1);
      shown_counts_[device.value] = store_.counts(device);
    }
    new_state = shown_state_ != state;
    shown_state_ = state;
    shown_set_aside_.insert(shown_set_aside_.end(), aside.begin(), aside.end());
  }
  if (options_.log == nullptr) return;
  for (const SetAside& store : aside) {
    options_.log->write(LogLevel::Error, "outbox_set_aside",
                        {{"path", store.path}, {"reason", store.why}});
  }
  if (!new_state) return;
  const bool ready = state.health == StoreHealth::Ready;
  options_.log->write(ready ? LogLevel::Info : LogLevel::Error,
                      ready ? "outbox_ready" : "outbox_failing",
                      {{"state", health_word(state.health)}, {"reason", state.detail}});
}

}  // namespace hubward::outbox
