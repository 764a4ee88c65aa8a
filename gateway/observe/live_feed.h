// What the page is told over its WebSocket: a snapshot in pieces, then what has changed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "gateway/observe/condition.h"
#include "gateway/observe/site_sentence.h"

namespace hubward::observe {

// How far one page has been told, and what it is looking at. Nothing is queued for a page: when it
// can take a message, the message is made from what is newest. A slow page misses intermediate
// states and costs no memory.
struct LiveCursor {
  std::uint64_t states = 0;
  std::uint64_t values = 0;
  std::uint64_t site = 0;
  std::uint64_t lines = 0;
  std::uint64_t newcomers = 0;
  std::uint64_t events = 0;
  bool greeted = false;
  std::vector<DeviceIndex> watched;  // devices whose values it shows
};

// One message: {"now_ms", "first"?, "site"?, "lines"?: [line], "newcomers"?, "devices"?: [state],
// "values"?: [{"id", ...}], "events"?: [{"number", ...}]}. Not thread-safe: belongs to the web
// thread.
class LiveFeed {
 public:
  static constexpr std::size_t kStatesPerMessage = 100;  // about 60 kB
  static constexpr std::size_t kValuesPerMessage = 25;
  static constexpr std::size_t kEventsPerMessage = 100;
  static constexpr std::size_t kWatchedMax = 100;  // what fits on a page, twice
  // States can change by time alone (silence); so all are looked at this often.
  static constexpr std::chrono::milliseconds kReviewEvery{1000};

  explicit LiveFeed(const StatusBoard& board);  // outlives the feed

  // Takes over the board's present content. True if any page may have something to be told.
  bool refresh();
  // True if next() would carry more than the time.
  [[nodiscard]] bool has_news(const LiveCursor& cursor) const;
  [[nodiscard]] std::string next(LiveCursor& cursor) const;
  // Understands {"watch": ["id", ...]} from a page; anything else is an error.
  [[nodiscard]] Status watch(LiveCursor& cursor, std::string_view message) const;

 private:
  struct Entry {
    std::shared_ptr<const DeviceView> view;
    std::string state_json;
    std::uint64_t state_revision = 0;
    std::uint64_t value_revision = 0;
  };

  const StatusBoard& board_;
  std::vector<Entry> entries_;
  std::vector<Condition> conditions_;
  std::string site_json_;
  std::uint64_t revision_ = 0;  // of this feed; the newest given out
  std::uint64_t site_revision_ = 0;
  std::string lines_json_ = "[]";
  std::uint64_t lines_revision_ = 0;
  std::string newcomers_json_;
  std::uint64_t newcomers_revision_ = 0;
  std::uint64_t board_revision_ = 0;
  std::uint64_t newest_event_ = 0;
  WallTime reviewed_;
};

}  // namespace hubward::observe
