// What is known of the ways to the cloud's hosts, shared by everybody who asks.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gateway/api/loop.h"
#include "gateway/api/path_probe.h"

namespace hubward::observe {

// Asks the probe at most once in a while for each host, however many ask: a browser that reloads
// costs the hub nothing. latest() and want() from any thread, look() on the loop.
class PathBook {
 public:
  static constexpr std::chrono::seconds kReuse{10};
  // A plant uses one to ten hubs. Past this the host looked at longest ago is forgotten.
  static constexpr std::size_t kHostsMax = 64;

  // Both outlive the book; the probe answers on `loop`.
  PathBook(PathProbe& probe, Loop& loop);
  ~PathBook();
  PathBook(const PathBook&) = delete;
  PathBook& operator=(const PathBook&) = delete;

  // What was found last, however old; nothing: never looked at.
  [[nodiscard]] std::optional<PathFindings> latest(const std::string& host,
                                                   std::uint16_t port) const;
  // Being looked at just now.
  [[nodiscard]] bool is_looking(const std::string& host, std::uint16_t port) const;
  // Findings not older than kReuse: `done` runs once, possibly before this returns.
  void look(const std::string& host, std::uint16_t port,
            std::function<void(const PathFindings&)> done);
  // The same for somebody who will call latest() later.
  void want(const std::string& host, std::uint16_t port);

 private:
  using Key = std::pair<std::string, std::uint16_t>;
  struct Entry {
    std::optional<PathFindings> findings;
    SteadyTime found_at{};
    bool looking = false;
    std::vector<std::function<void(const PathFindings&)>> waiting;
  };
  void on_found(const Key& key, PathFindings findings);
  void make_room();  // with mutex_ held

  PathProbe& probe_;
  Loop& loop_;
  mutable std::mutex mutex_;  // guards entries_
  std::map<Key, Entry> entries_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // shared with pending answers
};

}  // namespace hubward::observe
