// The outbox of the gateway on simulated time: the same store and the same rounds as OutboxWriter,
// without its thread. For ManualLoop and a FaultyDisk.
//
// A gateway that dies:      disk.kill_process(); outbox.die(); then make a new SimulatedOutbox.
// A machine without power:  disk.power_cut(random); outbox.die(); then a new one with another
//                           `boot_id`.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "gateway/outbox/outbox_rounds.h"

namespace hubward::test {

class SimulatedOutbox final : public Outbox {
 public:
  struct Options {
    outbox::StoreOptions store;
    std::chrono::milliseconds sync_window{50};
    // From the first request of a round to its answers. Shared with whoever makes the disk slow.
    std::shared_ptr<std::chrono::nanoseconds> commit_delay =
        std::make_shared<std::chrono::nanoseconds>(std::chrono::milliseconds{2});
    std::chrono::nanoseconds release_linger = std::chrono::milliseconds{100};
    // After everything that changes the store, before anybody hears its answers. May be empty.
    std::function<void()> after_step{};
  };

  // `loop` carries the timers and outlives this; answers go to each device's own loop.
  SimulatedOutbox(Options options, Loop& loop)
      : options_(std::move(options)),
        loop_(loop),
        rounds_(options_.store, options_.sync_window, loop.clock()) {
    arm();
  }
  SimulatedOutbox(const SimulatedOutbox&) = delete;
  SimulatedOutbox& operator=(const SimulatedOutbox&) = delete;
  ~SimulatedOutbox() override { die(); }

  void attach(DeviceIndex device, const std::string& device_id, Loop& home) override {
    put(outbox::AttachRequest{device, device_id, &home});
  }
  void append(DeviceIndex device, OutboxMessage message, Appended done) override {
    put(outbox::AppendRequest{device, std::move(message), std::move(done)});
  }
  void fetch(DeviceIndex device, const StoredMessage* after, const StoredMessage* before,
             std::size_t count_max, Fetched done) override {
    put(outbox::fetch_request(device, after, before, count_max, std::move(done)));
  }
  void release(DeviceIndex device, const StoredMessage& row) override {
    put(outbox::ReleaseRequest{device, row.epoch, row.sequence});
  }
  void quarantine(DeviceIndex device, const StoredMessage& row, ErrorCode why) override {
    put(outbox::QuarantineRequest{device, row.epoch, row.sequence, why});
  }
  [[nodiscard]] OutboxCounts counts(DeviceIndex device) const override {
    const auto stored_as = rounds_.stored_as(device);
    return stored_as ? rounds_.store().counts(*stored_as) : OutboxCounts{};
  }
  [[nodiscard]] OutboxCounts totals() const override { return rounds_.store().totals(); }

  // Of what it hears, only the rows that were found late: nobody here shows counts.
  void watch(OutboxWatcher& watcher) { watcher_ = &watcher; }

  // What was asked and not yet answered is forgotten; no answer runs any more.
  void die() {
    if (!alive_) return;
    loop_.cancel(round_timer_);
    loop_.cancel(duty_timer_);
    round_timer_ = duty_timer_ = {};
    queue_.clear();
    alive_.reset();
  }
  // Clean stop: what is queued is carried out, then the store is closed.
  Status stop() {
    play_round();
    return rounds_.store().close();
  }

  [[nodiscard]] outbox::OutboxStore& store() { return rounds_.store(); }
  // What was asked and is not carried out yet.
  [[nodiscard]] std::size_t waiting() const { return queue_.size(); }

 private:
  void put(outbox::Request request) {
    if (!alive_) return;
    const bool urgent = outbox::is_urgent(request);
    queue_.push_back(std::move(request));
    const SteadyTime at =
        loop_.clock().steady() + (urgent ? *options_.commit_delay : options_.release_linger);
    if (round_timer_.value != 0 && round_at_ <= at) return;
    loop_.cancel(round_timer_);
    round_at_ = at;
    round_timer_ = loop_.call_at(at, [this] {
      play_round();
      arm();
    });
  }

  void play_round() {
    loop_.cancel(round_timer_);
    round_timer_ = {};
    const auto expiry = rounds_.expiry_due();
    auto round = std::exchange(queue_, {});
    outbox::Answers::ByLoop answered;
    if (!round.empty()) answered = rounds_.serve(round).take();
    if (options_.after_step) options_.after_step();
    if (expiry) rounds_.drop_expired(*expiry);
    if (options_.after_step) options_.after_step();
    look_after_store();
    for (auto& [loop, answers] : answered) post(*loop, std::move(answers));
  }

  void post(Loop& loop, std::vector<std::function<void()>> answers) {
    // Weak, because the answers are those of this object's life and the loop may outlive it.
    loop.post([alive = std::weak_ptr<bool>(alive_), answers = std::move(answers)] {
      for (const auto& answer : answers) {
        if (!alive.expired()) answer();
      }
    });
  }

  void look_after_store() {
    rounds_.look_after_store();
    if (options_.after_step) options_.after_step();
    if (rounds_.store().take_found_rows() && watcher_ != nullptr) {
      post(loop_, {[watcher = watcher_] { watcher->on_rows_found(); }});
    }
  }

  void arm() {
    if (!alive_) return;
    loop_.cancel(duty_timer_);
    duty_timer_ = {};
    if (const auto at = rounds_.next_duty()) {
      duty_timer_ = loop_.call_at(*at, [this] {
        rounds_.expiry_due() ? play_round() : look_after_store();
        arm();
      });
    }
  }

  const Options options_;
  Loop& loop_;
  outbox::OutboxRounds rounds_;
  OutboxWatcher* watcher_ = nullptr;
  std::vector<outbox::Request> queue_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // watched by posted answers
  TimerId round_timer_;
  TimerId duty_timer_;
  SteadyTime round_at_{};
};

}  // namespace hubward::test
