#include "gateway/observe/live_feed.h"

#include <algorithm>

#include "gateway/observe/line_json.h"
#include "gateway/observe/newcomer_json.h"
#include "gateway/observe/status_json.h"

namespace hubward::observe {
namespace {

// What a page shows of the lines: the busiest.
constexpr std::size_t kLinesMax = 12;
constexpr std::size_t kDevicesOfLineMax = 8;
// Of devices that wait to be approved: who waits the longest.
constexpr std::size_t kNewcomersMax = 20;

std::string text_of(const rapidjson::StringBuffer& buffer) {
  return {buffer.GetString(), buffer.GetSize()};
}

}  // namespace

LiveFeed::LiveFeed(const StatusBoard& board) : board_(board) {
  entries_.resize(board.site().devices.size());
  conditions_.resize(entries_.size());
}

bool LiveFeed::refresh() {
  const WallTime now = board_.clock().wall();
  const std::uint64_t board_revision = board_.revision();
  const bool review = now - reviewed_ >= kReviewEvery || now < reviewed_;
  if (board_revision == board_revision_ && !review) return false;
  board_revision_ = board_revision;
  if (review) reviewed_ = now;
  const std::uint64_t before = revision_;
  const auto views = board_.devices();
  entries_.resize(std::max(entries_.size(), views.size()));
  conditions_.resize(entries_.size());
  for (std::size_t i = 0; i < views.size(); ++i) {
    Entry& entry = entries_[i];
    const bool changed = entry.view != views[i];
    if (!changed && !review) continue;
    entry.view = views[i];
    conditions_[i] = condition_of(*views[i], now);
    rapidjson::StringBuffer buffer;
    json::Writer out(buffer);
    out.StartObject();
    write_device_state(out, board_.site().devices[i], *views[i], conditions_[i]);
    out.EndObject();
    if (changed) entry.value_revision = ++revision_;
    if (std::string state = text_of(buffer); state != entry.state_json) {
      entry.state_json = std::move(state);
      // Stages and qualities may have changed with it.
      entry.state_revision = entry.value_revision = ++revision_;
    }
  }
  const SiteSummary summary = summarize(views, conditions_);
  rapidjson::StringBuffer buffer;
  json::Writer out(buffer);
  write_site(out, board_, summary, site_sentence(board_.site(), summary, conditions_, now));
  if (std::string site = text_of(buffer); site != site_json_) {
    site_json_ = std::move(site);
    site_revision_ = ++revision_;
  }
  rapidjson::StringBuffer lines_buffer;
  json::Writer lines_out(lines_buffer);
  write_lines(lines_out, board_, {kLinesMax, kDevicesOfLineMax, false});
  if (std::string lines = text_of(lines_buffer); lines != lines_json_) {
    lines_json_ = std::move(lines);
    lines_revision_ = ++revision_;
  }
  rapidjson::StringBuffer newcomers_buffer;
  json::Writer newcomers_out(newcomers_buffer);
  write_newcomers(newcomers_out, board_.newcomers(), {kNewcomersMax, false});
  if (std::string newcomers = text_of(newcomers_buffer); newcomers != newcomers_json_) {
    newcomers_json_ = std::move(newcomers);
    newcomers_revision_ = ++revision_;
  }
  const std::uint64_t events_before = newest_event_;
  newest_event_ = board_.newest_event();
  return revision_ != before || newest_event_ != events_before;
}

bool LiveFeed::has_news(const LiveCursor& cursor) const {
  if (!cursor.greeted || cursor.site < site_revision_ || cursor.events < newest_event_) return true;
  if (cursor.lines < lines_revision_ || cursor.newcomers < newcomers_revision_) return true;
  for (const auto& entry : entries_) {
    if (entry.state_revision > cursor.states) return true;
  }
  return std::any_of(cursor.watched.begin(), cursor.watched.end(), [&](DeviceIndex device) {
    return entries_[device.value].value_revision > cursor.values;
  });
}

namespace {

// The `count_max` places with the lowest revisions above `after`; moves `after` on to the last.
template <class RevisionOf>
std::vector<std::size_t> due(std::vector<std::size_t> candidates, std::uint64_t& after,
                             std::size_t count_max, RevisionOf revision_of) {
  std::erase_if(candidates, [&](std::size_t i) { return revision_of(i) <= after; });
  std::sort(candidates.begin(), candidates.end(),
            [&](std::size_t a, std::size_t b) { return revision_of(a) < revision_of(b); });
  if (candidates.size() > count_max) candidates.resize(count_max);
  if (!candidates.empty()) after = revision_of(candidates.back());
  return candidates;
}

}  // namespace

std::string LiveFeed::next(LiveCursor& cursor) const {
  const WallTime now = board_.clock().wall();
  rapidjson::StringBuffer buffer;
  json::Writer out(buffer);
  out.StartObject();
  out.Key("now_ms");
  out.Int64(now.time_since_epoch().count());
  if (!cursor.greeted) {
    out.Key("first");
    out.Bool(true);
    cursor.greeted = true;
  }
  if (cursor.site < site_revision_) {
    out.Key("site");
    out.RawValue(site_json_.data(), site_json_.size(), rapidjson::kObjectType);
    cursor.site = site_revision_;
  }
  if (cursor.lines < lines_revision_) {
    out.Key("lines");
    out.RawValue(lines_json_.data(), lines_json_.size(), rapidjson::kArrayType);
    cursor.lines = lines_revision_;
  }
  if (cursor.newcomers < newcomers_revision_) {
    out.Key("newcomers");
    out.RawValue(newcomers_json_.data(), newcomers_json_.size(), rapidjson::kObjectType);
    cursor.newcomers = newcomers_revision_;
  }
  std::vector<std::size_t> all(entries_.size());
  for (std::size_t i = 0; i < all.size(); ++i) all[i] = i;
  const auto states = due(std::move(all), cursor.states, kStatesPerMessage,
                          [&](std::size_t i) { return entries_[i].state_revision; });
  if (!states.empty()) {
    out.Key("devices");
    out.StartArray();
    for (const std::size_t i : states) {
      const std::string& state = entries_[i].state_json;
      out.RawValue(state.data(), state.size(), rapidjson::kObjectType);
    }
    out.EndArray();
  }
  std::vector<std::size_t> watched;
  for (const DeviceIndex device : cursor.watched) watched.push_back(device.value);
  const auto values = due(std::move(watched), cursor.values, kValuesPerMessage,
                          [&](std::size_t i) { return entries_[i].value_revision; });
  if (!values.empty()) {
    out.Key("values");
    out.StartArray();
    for (const std::size_t i : values) {
      const auto& description = board_.site().devices[i];
      out.StartObject();
      out.Key("id");
      out.String(description.id);
      write_device_values(out, description, *entries_[i].view, now);
      out.EndObject();
    }
    out.EndArray();
  }
  const auto events = board_.events_after(cursor.events, kEventsPerMessage);
  if (!events.empty()) {
    out.Key("events");
    out.StartArray();
    for (const auto& event : events) write_event(out, board_, event.event);
    out.EndArray();
    cursor.events = events.back().number;
  }
  out.EndObject();
  return text_of(buffer);
}

Status LiveFeed::watch(LiveCursor& cursor, std::string_view message) const {
  const auto document = json::parse(message, {.bytes_max = 16 * 1024, .depth_max = 4});
  if (!document) return tl::unexpected(document.error());
  const json::Value* list = json::find(*document, "watch");
  if (list == nullptr || !list->IsArray()) {
    return failure(ErrorCode::Malformed, ErrorKind::Corrupt, "no list named watch");
  }
  if (list->Size() > kWatchedMax) {
    return failure(ErrorCode::LimitExceeded, ErrorKind::Corrupt, "too many devices to watch");
  }
  std::vector<DeviceIndex> watched;
  for (const auto& item : list->GetArray()) {
    const auto id = json::as_string(&item);
    if (!id) return failure(ErrorCode::Malformed, ErrorKind::Corrupt, "a device id is no text");
    const auto device = board_.find(*id);
    // One that has just been added is known here with the next refresh.
    if (device && device->value < entries_.size()) watched.push_back(*device);
  }
  cursor.watched = std::move(watched);
  cursor.values = 0;
  return {};
}

}  // namespace hubward::observe
