#include "gateway/outbox/outbox_rounds.h"

#include <algorithm>
#include <iterator>

namespace hubward::outbox {
namespace {

// What one piece of work on the loop answers: a whole round, after an outage, would keep timers and
// other devices' sockets waiting for the better part of a second.
constexpr std::ptrdiff_t kAnswersPerPost = 32;

template <class... Visitors>
struct Visit : Visitors... {
  using Visitors::operator()...;
};
template <class... Visitors>
Visit(Visitors...) -> Visit<Visitors...>;

const StoredMessage* address_of(const std::optional<StoredMessage>& row) {
  return row ? &*row : nullptr;
}

StoreOptions with_window(StoreOptions options, std::chrono::milliseconds sync_window) {
  options.sync_every_commit = sync_window.count() == 0;
  return options;
}

}  // namespace

bool is_urgent(const Request& request) {
  return !std::holds_alternative<AttachRequest>(request) &&
         !std::holds_alternative<ReleaseRequest>(request);
}

FetchRequest fetch_request(DeviceIndex device, const StoredMessage* after,
                           const StoredMessage* before, std::size_t count_max, Fetched done) {
  FetchRequest request{device, std::nullopt, std::nullopt, count_max, std::move(done)};
  if (after != nullptr) request.after = StoredMessage{after->sequence, after->epoch, {}};
  if (before != nullptr) request.before = StoredMessage{before->sequence, before->epoch, {}};
  return request;
}

void Answers::add(Loop* loop, std::function<void()> answer) {
  const auto at = std::find_if(by_loop_.begin(), by_loop_.end(),
                               [&](const auto& known) { return known.first == loop; });
  auto& answers = at != by_loop_.end() ? at->second : by_loop_.emplace_back(loop, 0).second;
  answers.push_back(std::move(answer));
}

void Answers::post() {
  for (auto& [loop, answers] : by_loop_) {
    for (auto from = answers.begin(); from != answers.end();) {
      const auto count = std::min<std::ptrdiff_t>(answers.end() - from, kAnswersPerPost);
      std::vector<std::function<void()>> some(std::make_move_iterator(from),
                                              std::make_move_iterator(from + count));
      loop->post([some = std::move(some)] {
        for (const auto& answer : some) answer();
      });
      from += count;
    }
  }
  by_loop_.clear();
}

OutboxRounds::OutboxRounds(StoreOptions store, std::chrono::milliseconds sync_window,
                           const Clock& clock)
    : clock_(clock),
      sync_window_(sync_window),
      store_(with_window(std::move(store), sync_window)),
      settle_at_(clock.steady() + kSettleInterval) {
  if (store_.has_age_limit()) expire_at_ = clock.steady();
  (void)store_.open();  // what it found is in its state
  look_after_store();
}

std::optional<StoreDevice> OutboxRounds::stored_as(DeviceIndex device) const {
  if (device.value >= attached_.size() || attached_[device.value].home == nullptr) {
    return std::nullopt;
  }
  return attached_[device.value].device;
}

Answers OutboxRounds::serve(std::span<Request> round) {
  std::vector<NewMessage> messages;
  for (Request& request : round) take(request, messages);
  const std::uint64_t numbering = store_.numbering();
  auto results = store_.commit(std::move(messages));

  // A fetch must not answer rows whose append was called after it: they are answered by themselves.
  RowId newest = store_.newest_row();
  for (const auto& result : results) newest -= result ? 1 : 0;
  Answers answers;
  auto result = results.begin();
  for (Request& request : round) {
    if (auto* append = std::get_if<AppendRequest>(&request)) {
      newest += *result ? 1 : 0;
      if (append->done) {
        answers.add(attached_[append->device.value].home,
                    [done = std::move(append->done), stored = std::move(*result)]() mutable {
                      done(std::move(stored));
                    });
      }
      ++result;
    } else if (auto* fetch = std::get_if<FetchRequest>(&request)) {
      Result<std::vector<StoredMessage>> rows =
          tl::unexpected<Error>(Error{ErrorCode::StoreFailed, ErrorKind::Transient, "opened anew"});
      // Otherwise `newest` means nothing: an earlier fetch of the round found the store damaged.
      if (store_.numbering() == numbering) {
        rows = store_.fetch(attached_[fetch->device.value].device, address_of(fetch->after),
                            fetch->count_max, newest, clock_.wall(), address_of(fetch->before));
      }
      answers.add(attached_[fetch->device.value].home,
                  [done = std::move(fetch->done), rows = std::move(rows)]() mutable {
                    done(std::move(rows));
                  });
    } else if (auto* list = std::get_if<ListRequest>(&request)) {
      answers.add(list->loop, [done = std::move(list->done),
                               rows = store_.quarantined(list->count_max)]() mutable {
        done(std::move(rows));
      });
    } else if (auto* clear = std::get_if<ClearRequest>(&request)) {
      answers.add(clear->loop,
                  [done = std::move(clear->done),
                   removed = store_.remove_quarantined(clear->newest_place)] { done(removed); });
    }
  }
  return answers;
}

void OutboxRounds::take(Request& request, std::vector<NewMessage>& messages) {
  const auto device = [this](DeviceIndex index) { return attached_[index.value].device; };
  std::visit(
      Visit{[&](const AttachRequest& attach) {
              if (attached_.size() <= attach.device.value) {
                attached_.resize(attach.device.value + 1);
              }
              attached_[attach.device.value] = {store_.attach(attach.device_id), attach.home};
            },
            [&](AppendRequest& append) {
              messages.push_back({device(append.device), std::move(append.message)});
            },
            [&](const ReleaseRequest& row) {
              store_.release(device(row.device), row.epoch, row.sequence);
            },
            [&](const QuarantineRequest& row) {
              store_.quarantine(device(row.device), row.epoch, row.sequence, row.why,
                                clock_.wall());
            },
            [](const FetchRequest&) {}, [](const ListRequest&) {}, [](const ClearRequest&) {}},
      request);
}

std::optional<SteadyTime> OutboxRounds::next_duty() const {
  SteadyTime next = settle_at_;
  if (sync_at_) next = std::min(next, *sync_at_);
  if (retry_at_) next = std::min(next, *retry_at_);
  if (expire_at_) next = std::min(next, *expire_at_);
  return next;
}

std::optional<ClockReading> OutboxRounds::expiry_due() const {
  const SteadyTime now = clock_.steady();
  if (!expire_at_ || *expire_at_ > now) return std::nullopt;
  return ClockReading{now, clock_.wall(), clock_.wall_is_trusted()};
}

void OutboxRounds::look_after_store() {
  const SteadyTime now = clock_.steady();
  if (settle_at_ <= now) {
    store_.settle();
    if (store_.has_pending_work()) (void)store_.commit({});
    settle_at_ = now + kSettleInterval;
  }
  retry(now);
  flush(now);
}

void OutboxRounds::retry(SteadyTime now) {
  if (store_.state().health == StoreHealth::Ready && !store_.is_in_memory()) {
    retry_at_.reset();
  } else if (!retry_at_) {
    retry_at_ = now + kRetryInterval;
  } else if (*retry_at_ <= now) {
    (void)store_.recover();
    // A failing disk may take half a minute to say so; in between, others are served.
    retry_at_ = clock_.steady() + kRetryInterval;
  }
}

void OutboxRounds::drop_expired(const ClockReading& now) {
  const bool more = store_.expire(now, kExpiredAtOnceMax);
  expire_at_ = more ? now.steady : now.steady + kExpiryInterval;
  if (store_.has_pending_work()) (void)store_.commit({});
}

void OutboxRounds::flush(SteadyTime now) {
  if (!store_.unsynced()) {
    sync_at_.reset();
    return;
  }
  if (!sync_at_) {
    // Early enough that the disk is done within the window, going by the last time.
    sync_at_ = now + std::max(sync_window_ / 2, sync_window_ - last_sync_took_);
    return;
  }
  if (*sync_at_ > now) return;
  const Status synced = store_.sync();
  const SteadyTime after = clock_.steady();
  last_sync_took_ = after - now;
  sync_at_.reset();
  if (!synced) sync_at_ = after + kRetryInterval;
}

}  // namespace hubward::outbox
