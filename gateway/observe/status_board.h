// Where the devices' loops leave their state and the page, the command line and the metrics find
// it.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "gateway/api/clock.h"
#include "gateway/api/clock_state.h"
#include "gateway/api/device_description.h"
#include "gateway/api/line_use.h"
#include "gateway/api/newcomer.h"
#include "gateway/api/status.h"
#include "gateway/observe/growing_list.h"
#include "gateway/observe/trend.h"

namespace hubward::observe {

// What does not change during a run; devices may be added.
struct SiteDescription {
  std::string name;                        // for people; shown at the top of the page
  std::string version;                     // of hubward
  GrowingList<DeviceDescription> devices;  // DeviceIndex is the place in here
};

// One device's latest status and what the board has learned by watching it.
struct DeviceView {
  DeviceStatus status;
  const DeviceDescription* description = nullptr;  // in the board's SiteDescription
  bool reported = false;                           // false: nothing was heard of it yet
  std::uint64_t dropped_at_start = 0;  // OutboxCounts::dropped counts a store's life, not a run
  std::uint64_t expired_at_start = 0;
  std::uint64_t quarantined_at_start = 0;
  std::optional<WallTime> offline_since;  // over all attempts; absent while online
  std::vector<std::optional<std::chrono::milliseconds>> usual_gap;  // between readings, per tag
};

struct NumberedEvent {
  std::uint64_t number = 0;  // from 1, without gaps
  SiteEvent event;
};

struct BadInputCount {
  std::optional<DeviceIndex> device;
  std::string source;
  ErrorCode code{};
  std::uint64_t count = 0;
  WallTime last;
  std::vector<std::byte> sample;  // the newest; at most BadInput::kSampleBytesMax
};

// Safe from any thread. The lock is held for copies of pointers and small rows only.
class StatusBoard final : public StatusSink {
 public:
  // What a technician scrolls through; older ones are in the log.
  static constexpr std::size_t kSiteEventsMax = 500;
  static constexpr std::size_t kDeviceEventsMax = 25;
  // Rows of (device, source, code). More than this many sources is itself the news: further ones
  // are counted together under an empty source.
  static constexpr std::size_t kBadInputRowsMax = 256;
  static constexpr std::size_t kTextBytesMax = 1024;  // of one event or source
  // Memory for all trends together is at most 300,000 points of 16 bytes: two minutes of 2,500
  // tags, half a minute of 10,000, which are to fit into 40 MB with everything else.
  static constexpr std::size_t kTrendPointsAllTags = 300'000;
  static constexpr std::size_t kTrendPointsPerTag = 120;

  // `clock` outlives the board.
  StatusBoard(SiteDescription site, const Clock& clock);

  void device(const DeviceStatus& status) override;
  void bad_input(const BadInput& input) override;
  void event(SiteEvent event) override;

  // One more device, behind all others. Nothing: there are too many.
  [[nodiscard]] std::optional<DeviceIndex> add_device(const DeviceDescription& description);

  // Devices that nobody has approved yet.
  void set_newcomers(NewcomersStatus newcomers);
  [[nodiscard]] NewcomersStatus newcomers() const;

  // Maintenance: somebody has paused all writes to the plant.
  void set_writes_paused(bool paused);
  [[nodiscard]] bool writes_paused() const;
  // The store as a whole.
  void set_store(const StoreStatus& store);
  [[nodiscard]] StoreStatus store() const;

  // Hubs and the provisioning service; those that answer need not be named.
  void set_endpoints(std::vector<EndpointStatus> endpoints);
  [[nodiscard]] std::vector<EndpointStatus> endpoints() const;

  // Lines and connections that several devices can share.
  void set_lines(std::vector<LineUse> lines);
  [[nodiscard]] std::vector<LineUse> lines() const;

  // What is known about the wall clock.
  void set_clock_state(ClockState state);
  [[nodiscard]] ClockState clock_state() const;
  // The wall clock has been set: what is past lies as long ago as before. Events keep the times
  // that they have in the log.
  void clock_set_by(std::chrono::milliseconds by);

  [[nodiscard]] const SiteDescription& site() const { return site_; }
  [[nodiscard]] const Clock& clock() const { return clock_; }
  [[nodiscard]] WallTime started() const;
  [[nodiscard]] std::optional<DeviceIndex> find(std::string_view device_id) const;
  // Rises with every change; equal numbers mean equal content.
  [[nodiscard]] std::uint64_t revision() const;
  // In configuration order. A view never changes: a new status is a new view. Shared by the board
  // and the threads that are reading it just then.
  [[nodiscard]] std::vector<std::shared_ptr<const DeviceView>> devices() const;
  [[nodiscard]] std::shared_ptr<const DeviceView> device_view(DeviceIndex device) const;
  [[nodiscard]] std::vector<TrendPoint> trend(DeviceIndex device, TagIndex tag) const;
  // Oldest first, at most `count_max`, numbers above `after`.
  [[nodiscard]] std::vector<NumberedEvent> events_after(std::uint64_t after,
                                                        std::size_t count_max) const;
  [[nodiscard]] std::uint64_t newest_event() const;  // its number; 0: none yet
  [[nodiscard]] std::vector<SiteEvent> device_events(DeviceIndex device) const;  // oldest first
  [[nodiscard]] std::vector<BadInputCount> bad_inputs() const;
  [[nodiscard]] std::uint64_t bad_inputs_total() const;

 private:
  using BadInputKey = std::tuple<std::uint32_t, std::string, ErrorCode>;
  struct Entry {
    std::shared_ptr<const DeviceView> view;
    std::vector<Trend> trends;
    std::deque<SiteEvent> events;
  };

  // With mutex_ held.
  void learn(Entry& entry, const DeviceStatus& before, DeviceView& after) const;

  [[nodiscard]] Entry new_entry(DeviceIndex device, const DeviceDescription& description) const;

  SiteDescription site_;  // its devices grow with mutex_ held
  const Clock& clock_;
  const std::size_t trend_points_;  // per tag
  mutable std::mutex mutex_;        // guards everything below
  std::map<std::string, DeviceIndex, std::less<>> index_by_id_;
  std::uint64_t revision_ = 1;
  WallTime started_;
  bool writes_paused_ = false;
  std::vector<EndpointStatus> endpoints_;
  std::vector<LineUse> lines_;
  NewcomersStatus newcomers_;
  ClockState clock_state_;
  StoreStatus store_;
  std::vector<Entry> entries_;
  std::deque<NumberedEvent> events_;
  std::uint64_t last_event_ = 0;
  std::map<BadInputKey, BadInputCount> bad_inputs_;
  std::uint64_t bad_inputs_total_ = 0;
};

}  // namespace hubward::observe
