#include "gateway/observe/path_book.h"

#include <algorithm>

namespace hubward::observe {

PathBook::PathBook(PathProbe& probe, Loop& loop) : probe_(probe), loop_(loop) {}

PathBook::~PathBook() { *alive_ = false; }

std::optional<PathFindings> PathBook::latest(const std::string& host, std::uint16_t port) const {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find({host, port});
  return found == entries_.end() ? std::nullopt : found->second.findings;
}

bool PathBook::is_looking(const std::string& host, std::uint16_t port) const {
  const std::lock_guard lock(mutex_);
  const auto found = entries_.find({host, port});
  return found != entries_.end() && found->second.looking;
}

void PathBook::want(const std::string& host, std::uint16_t port) {
  {
    const std::lock_guard lock(mutex_);
    Entry& entry = entries_[{host, port}];
    const bool fresh = entry.findings && loop_.clock().steady() - entry.found_at < kReuse;
    if (entry.looking || fresh) return;
    entry.looking = true;  // one post for all who want it until it is done
  }
  loop_.post([this, alive = alive_, host, port] {
    if (!*alive) return;
    probe_.probe(host, port, [this, alive, host, port](PathFindings findings) {
      if (*alive) on_found({host, port}, std::move(findings));
    });
  });
}

void PathBook::look(const std::string& host, std::uint16_t port,
                    std::function<void(const PathFindings&)> done) {
  std::optional<PathFindings> known;
  {
    const std::lock_guard lock(mutex_);
    Entry& entry = entries_[{host, port}];
    if (entry.findings && loop_.clock().steady() - entry.found_at < kReuse) {
      known = entry.findings;
    } else {
      entry.waiting.push_back(std::move(done));
    }
  }
  if (known) return done(*known);
  want(host, port);
}

void PathBook::on_found(const Key& key, PathFindings findings) {
  std::vector<std::function<void(const PathFindings&)>> waiting;
  {
    const std::lock_guard lock(mutex_);
    Entry& entry = entries_[key];
    entry.findings = findings;
    entry.found_at = loop_.clock().steady();
    entry.looking = false;
    waiting.swap(entry.waiting);
    make_room();
  }
  for (const auto& done : waiting) done(findings);
}

void PathBook::make_room() {
  while (entries_.size() > kHostsMax) {
    auto oldest = entries_.end();
    for (auto entry = entries_.begin(); entry != entries_.end(); ++entry) {
      if (entry->second.looking) continue;
      if (oldest == entries_.end() || entry->second.found_at < oldest->second.found_at) {
        oldest = entry;
      }
    }
    if (oldest == entries_.end()) return;
    entries_.erase(oldest);
  }
}

}  // namespace hubward::observe
