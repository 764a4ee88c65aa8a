// One device: its readings become telemetry and properties, its commands become writes, and what it
// is doing can be seen. Everything on its home loop.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "gateway/api/southbound.h"
#include "gateway/device/clock_news.h"
#include "gateway/device/cloud_client.h"
#include "gateway/device/status_rounds.h"
#include "gateway/device/telemetry.h"
#include "gateway/device/write_gate.h"

namespace hubward::device {

struct DeviceParts {
  CloudParts cloud;
  StatusRounds& status;
  const WriteGate& writes;
  std::uint64_t boot_id = 0;  // of this run of the machine
};

class Device final : private CloudEvents {
 public:
  // `settings` and everything in `parts` outlive the device; the outbox answers to it until it is
  // stopped.
  Device(DeviceIndex index, DeviceDescription description, const CloudSettings& settings,
         DeviceParts parts);
  ~Device() override;

  // The adapter that reads it; outlives the device or is detached with nullptr.
  void attach(SouthboundAdapter* adapter) { adapter_ = adapter; }
  void start();
  void stop(std::function<void()> done);

  void on_batch(const ReadingBatch& batch, Stored stored);
  void on_field_state(FieldState state);
  void on_bad_input(const BadInput& input);
  void on_clock(const ClockNews& news);
  // Maintenance has begun: wishes that wait for their port are refused now, and not when it opens.
  void on_writes_paused() { write_what_waited(); }
  // See OutboxWatcher.
  void on_counts_changed() { publish_status_soon(); }
  void on_rows_found() { cloud_.on_rows_found(); }

  [[nodiscard]] const DeviceDescription& description() const { return description_; }
  [[nodiscard]] DeviceStatus status() const;
  // For StatusRounds: the state it was told to ask for. The next change is told anew.
  [[nodiscard]] DeviceStatus take_status();
  // For what is asked of the cloud side alone: an attempt now, a rehearsed failover.
  [[nodiscard]] CloudClient& cloud() { return cloud_; }
  // For somebody at the command line; the value was checked against the tag. `done` runs once.
  void write_by_hand(TagIndex tag, TagValue value, std::function<void(const WriteResult&)> done);
  // A write that the tag's limits refuse: on record as one that the equipment refuses.
  void refused_by_hand(std::string_view tag, const Error& why);

 private:
  void on_cloud_changed() override;
  void on_wish(Wish wish) override;
  [[nodiscard]] bool waits_for_port(const Wish& wish, const WriteResult& result) const;
  void write_what_waited();
  void on_command(RunCommand command) override;
  void run(RunCommand command);
  void run_queued();
  void next_queued();
  void refuse(const RunCommand& command, const Error& why);
  void tell_refused(std::string_view command, const std::string& origin, const Error& why);

  void collect(const ReadingBatch& batch, Stored stored);
  void append(std::vector<OutboxMessage> messages, Stored stored);
  void send_collected();
  void on_stored(const Result<StoredMessage>& row);
  void write(TagIndex tag, TagValue value, std::string origin,
             std::function<void(const WriteResult&)> done);
  void audit(const TagDescription& tag, const TagValue& value, const std::string& origin,
             const WriteResult& result);
  void tell_field(const FieldState& state);
  void tell_bad_input(const BadInput& input);
  void tell(std::string event, std::string text);
  void publish_status_soon();

  const DeviceIndex index_;
  const DeviceDescription description_;
  const CloudSettings& settings_;
  DeviceParts parts_;
  SouthboundAdapter* adapter_ = nullptr;
  Properties properties_;
  ReportFilter property_filter_;
  PollMessages collected_;
  std::vector<Stored> collected_for_;  // of the batches in it
  TimerId collecting_till_;
  CloudClient cloud_;
  FieldState field_;
  bool field_reported_ = false;
  bool port_was_open_ = false;                    // in this run: the port, or the broker
  std::map<std::uint16_t, Wish> wishes_waiting_;  // for that, by tag
  TimerId port_opened_;
  WallTime field_since_{};
  CloudState shown_cloud_ = CloudState::Starting;
  std::optional<ErrorCode> shown_failure_;
  WallTime cloud_since_{};
  std::vector<TagStatus> tags_;
  UselessInput useless_;
  std::uint64_t bad_inputs_untold_ = 0;
  std::optional<SteadyTime> bad_inputs_told_;  // when last
  unsigned commands_running_ = 0;
  std::vector<RunCommand> queued_;  // nobody waits for them, and only one is under way
  bool queued_running_ = false;
  TimerId next_queued_;
  std::uint64_t commands_ = 0;
  std::uint64_t command_failures_ = 0;
  bool store_failing_ = false;
  bool status_pending_ = false;  // StatusRounds will ask
};

}  // namespace hubward::device
