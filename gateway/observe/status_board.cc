#include "gateway/observe/status_board.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace hubward::observe {
namespace {

constexpr std::uint32_t kNoDevice = 0xFFFFFFFF;

std::size_t trend_points_per_tag(const SiteDescription& site) {
  std::size_t tags = 0;
  for (std::size_t i = 0; i < site.devices.size(); ++i) tags += site.devices[i].tags.size();
  if (tags == 0) return StatusBoard::kTrendPointsPerTag;
  return std::min(StatusBoard::kTrendPointsPerTag, StatusBoard::kTrendPointsAllTags / tags);
}

// Immune to clock steps where the adapter has told the steady time.
std::chrono::milliseconds gap_between(const TagStatus& before, const TagStatus& after) {
  if (before.at_steady == SteadyTime{} || after.at_steady == SteadyTime{}) {
    return after.at - before.at;
  }
  return std::chrono::floor<std::chrono::milliseconds>(after.at_steady - before.at_steady);
}

void shorten(std::string& text) {
  if (text.size() > StatusBoard::kTextBytesMax) text.resize(StatusBoard::kTextBytesMax);
}

}  // namespace

StatusBoard::StatusBoard(SiteDescription site, const Clock& clock)
    : site_(std::move(site)),
      clock_(clock),
      trend_points_(trend_points_per_tag(site_)),
      started_(clock.wall()) {
  entries_.reserve(site_.devices.size());
  for (std::uint32_t i = 0; i < site_.devices.size(); ++i) {
    entries_.push_back(new_entry(DeviceIndex{i}, site_.devices[i]));
    index_by_id_.emplace(site_.devices[i].id, DeviceIndex{i});
  }
}

StatusBoard::Entry StatusBoard::new_entry(DeviceIndex device,
                                          const DeviceDescription& description) const {
  const WallTime now = clock_.wall();
  auto view = std::make_shared<DeviceView>();
  view->status.device = device;
  view->description = &site_.devices[device.value];
  view->status.cloud_since = now;
  view->status.field_since = now;
  view->status.tags.resize(description.tags.size());
  view->usual_gap.resize(description.tags.size());
  view->offline_since = now;
  Entry entry;
  entry.view = std::move(view);
  entry.trends.assign(description.tags.size(), Trend(trend_points_));
  return entry;
}

std::optional<DeviceIndex> StatusBoard::add_device(const DeviceDescription& description) {
  const std::lock_guard lock(mutex_);
  const DeviceIndex device{static_cast<std::uint32_t>(entries_.size())};
  if (!site_.devices.push_back(description)) return std::nullopt;
  entries_.push_back(new_entry(device, description));
  index_by_id_.emplace(description.id, device);
  ++revision_;
  return device;
}

void StatusBoard::set_newcomers(NewcomersStatus newcomers) {
  const std::lock_guard lock(mutex_);
  if (newcomers == newcomers_) return;
  newcomers_ = std::move(newcomers);
  ++revision_;
}

NewcomersStatus StatusBoard::newcomers() const {
  const std::lock_guard lock(mutex_);
  return newcomers_;
}

void StatusBoard::device(const DeviceStatus& status) {
  auto view = std::make_shared<DeviceView>();
  view->status = status;
  const std::lock_guard lock(mutex_);
  if (status.device.value >= entries_.size()) return;
  Entry& entry = entries_[status.device.value];
  view->status.tags.resize(entry.trends.size());
  const DeviceView& before = *entry.view;
  view->description = before.description;
  view->reported = true;
  const bool first = !before.reported;
  view->dropped_at_start = first ? status.outbox.dropped : before.dropped_at_start;
  view->expired_at_start = first ? status.outbox.expired : before.expired_at_start;
  view->quarantined_at_start = first ? status.outbox.quarantined : before.quarantined_at_start;
  view->usual_gap = before.usual_gap;
  if (status.cloud != CloudState::Online) {
    const bool offline_before = before.reported && before.offline_since;
    view->offline_since = offline_before ? before.offline_since : status.cloud_since;
  }
  learn(entry, before.status, *view);
  entry.view = std::move(view);
  ++revision_;
}

void StatusBoard::learn(Entry& entry, const DeviceStatus& before, DeviceView& after) const {
  for (std::size_t i = 0; i < entry.trends.size(); ++i) {
    const TagStatus& now = after.status.tags[i];
    const TagStatus& then = before.tags[i];
    if (!now.last || (then.last && then.at == now.at && then.at_steady == now.at_steady)) continue;
    if (const auto value = drawable(*now.last); value && std::isfinite(*value)) {
      entry.trends[i].add({now.at, *value});
    }
    if (!then.last) continue;
    const std::chrono::milliseconds gap = gap_between(then, now);
    if (gap <= std::chrono::milliseconds{0}) continue;
    // A slow average: one long pause hardly moves it, so the pause itself is seen.
    auto& usual = after.usual_gap[i];
    usual = usual ? *usual + (gap - *usual) / 8 : gap;
  }
}

void StatusBoard::bad_input(const BadInput& input) {
  std::string source = input.source;
  shorten(source);
  const WallTime now = clock_.wall();
  const std::lock_guard lock(mutex_);
  ++bad_inputs_total_;
  ++revision_;
  BadInputKey key{input.device ? input.device->value : kNoDevice, std::move(source), input.code};
  if (bad_inputs_.size() >= kBadInputRowsMax && !bad_inputs_.contains(key)) {
    key = {kNoDevice, std::string(), input.code};
  }
  BadInputCount& row = bad_inputs_[key];
  if (std::get<0>(key) != kNoDevice) row.device = input.device;
  row.source = std::get<1>(key);
  row.code = input.code;
  ++row.count;
  row.last = now;
  const std::size_t size = std::min(input.sample.size(), BadInput::kSampleBytesMax);
  row.sample.assign(input.sample.begin(), input.sample.begin() + static_cast<std::ptrdiff_t>(size));
}

void StatusBoard::event(SiteEvent event) {
  shorten(event.text);
  shorten(event.event);
  const std::lock_guard lock(mutex_);
  ++revision_;
  if (event.device && event.device->value < entries_.size()) {
    auto& own = entries_[event.device->value].events;
    if (own.size() >= kDeviceEventsMax) own.pop_front();
    own.push_back(event);
  }
  if (events_.size() >= kSiteEventsMax) events_.pop_front();
  events_.push_back({++last_event_, std::move(event)});
}

std::optional<DeviceIndex> StatusBoard::find(std::string_view device_id) const {
  const std::lock_guard lock(mutex_);
  const auto found = index_by_id_.find(device_id);
  if (found == index_by_id_.end()) return std::nullopt;
  return found->second;
}

std::uint64_t StatusBoard::revision() const {
  const std::lock_guard lock(mutex_);
  return revision_;
}

std::vector<std::shared_ptr<const DeviceView>> StatusBoard::devices() const {
  std::vector<std::shared_ptr<const DeviceView>> views;
  views.reserve(site_.devices.size());
  const std::lock_guard lock(mutex_);
  for (const auto& entry : entries_) views.push_back(entry.view);
  return views;
}

std::shared_ptr<const DeviceView> StatusBoard::device_view(DeviceIndex device) const {
  const std::lock_guard lock(mutex_);
  if (device.value >= entries_.size()) return nullptr;
  return entries_[device.value].view;
}

std::vector<TrendPoint> StatusBoard::trend(DeviceIndex device, TagIndex tag) const {
  const std::lock_guard lock(mutex_);
  if (device.value >= entries_.size()) return {};
  const auto& trends = entries_[device.value].trends;
  if (tag.value >= trends.size()) return {};
  return trends[tag.value].oldest_first();
}

std::vector<NumberedEvent> StatusBoard::events_after(std::uint64_t after,
                                                     std::size_t count_max) const {
  const std::lock_guard lock(mutex_);
  std::vector<NumberedEvent> found;
  for (const auto& event : events_) {
    if (event.number <= after) continue;
    if (found.size() >= count_max) break;
    found.push_back(event);
  }
  return found;
}

std::uint64_t StatusBoard::newest_event() const {
  const std::lock_guard lock(mutex_);
  return last_event_;
}

std::vector<SiteEvent> StatusBoard::device_events(DeviceIndex device) const {
  const std::lock_guard lock(mutex_);
  if (device.value >= entries_.size()) return {};
  const auto& events = entries_[device.value].events;
  return {events.begin(), events.end()};
}

std::vector<BadInputCount> StatusBoard::bad_inputs() const {
  const std::lock_guard lock(mutex_);
  std::vector<BadInputCount> rows;
  rows.reserve(bad_inputs_.size());
  for (const auto& [key, row] : bad_inputs_) rows.push_back(row);
  return rows;
}

std::uint64_t StatusBoard::bad_inputs_total() const {
  const std::lock_guard lock(mutex_);
  return bad_inputs_total_;
}

void StatusBoard::set_writes_paused(bool paused) {
  const std::lock_guard lock(mutex_);
  writes_paused_ = paused;
  ++revision_;
}

void StatusBoard::set_endpoints(std::vector<EndpointStatus> endpoints) {
  const std::lock_guard lock(mutex_);
  if (endpoints.empty() && endpoints_.empty()) return;
  endpoints_ = std::move(endpoints);
  ++revision_;
}

std::vector<EndpointStatus> StatusBoard::endpoints() const {
  const std::lock_guard lock(mutex_);
  return endpoints_;
}

void StatusBoard::set_lines(std::vector<LineUse> lines) {
  const std::lock_guard lock(mutex_);
  if (lines.empty() && lines_.empty()) return;
  lines_ = std::move(lines);
  ++revision_;
}

std::vector<LineUse> StatusBoard::lines() const {
  const std::lock_guard lock(mutex_);
  return lines_;
}

void StatusBoard::set_store(const StoreStatus& store) {
  const std::lock_guard lock(mutex_);
  if (store_ == store) return;
  store_ = store;
  ++revision_;
}

StoreStatus StatusBoard::store() const {
  const std::lock_guard lock(mutex_);
  return store_;
}

bool StatusBoard::writes_paused() const {
  const std::lock_guard lock(mutex_);
  return writes_paused_;
}

void StatusBoard::set_clock_state(ClockState state) {
  const std::lock_guard lock(mutex_);
  clock_state_ = std::move(state);
  ++revision_;
}

ClockState StatusBoard::clock_state() const {
  const std::lock_guard lock(mutex_);
  return clock_state_;
}

WallTime StatusBoard::started() const {
  const std::lock_guard lock(mutex_);
  return started_;
}

void StatusBoard::clock_set_by(std::chrono::milliseconds by) {
  const auto shift = [by](std::optional<WallTime>& time) {
    if (time) *time += by;
  };
  const std::lock_guard lock(mutex_);
  ++revision_;
  started_ += by;
  for (Entry& entry : entries_) {
    auto view = std::make_shared<DeviceView>(*entry.view);
    shift(view->offline_since);
    shift(view->status.next_attempt);
    shift(view->status.last_delivered);
    view->status.cloud_since += by;
    view->status.field_since += by;
    view->status.useless.since += by;
    for (TagStatus& tag : view->status.tags) tag.at += by;
    for (Trend& trend : entry.trends) trend.shift(by);
    entry.view = std::move(view);
  }
  for (auto& [key, row] : bad_inputs_) row.last += by;
}

}  // namespace hubward::observe
