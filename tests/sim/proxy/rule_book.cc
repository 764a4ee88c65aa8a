#include "tests/sim/proxy/rule_book.h"

namespace hubward::simproxy {
namespace {

bool lasts_for_ever(const Rule& rule) { return rule.duration == std::chrono::milliseconds(0); }

bool names(const Rule& rule, std::string_view target) {
  return rule.target.empty() || rule.target == target;
}

}  // namespace

RuleId RuleBook::add(Rule rule, ConnectionId next, SteadyTime now) {
  rules_[++last_] = {.rule = std::move(rule), .next_at_start = next, .since = now, .taken = {}};
  return last_;
}

bool RuleBook::expire(SteadyTime now) {
  return std::erase_if(rules_, [now](const auto& entry) {
           const auto& [rule, next, since, taken] = entry.second;
           return !lasts_for_ever(rule) && now >= since + rule.duration;
         }) != 0;
}

std::optional<SteadyTime> RuleBook::next_expiry() const {
  std::optional<SteadyTime> first;
  for (const auto& [id, entry] : rules_) {
    const SteadyTime end = entry.since + entry.rule.duration;
    if (!lasts_for_ever(entry.rule) && (!first || end < *first)) first = end;
  }
  return first;
}

bool RuleBook::befalls(Entry& entry, ConnectionId connection, std::string_view target) {
  const Rule& rule = entry.rule;
  if (!names(rule, target)) return false;
  if (rule.connection && *rule.connection != connection) return false;
  const bool began_later = connection >= entry.next_at_start;
  if (rule.which == Which::Open && began_later) return false;
  if (rule.which == Which::New && !began_later) return false;
  if (entry.taken.contains(connection)) return true;
  if (rule.times && entry.taken.size() >= *rule.times) return false;
  entry.taken.insert(connection);
  return true;
}

bool RuleBook::befalls(Entry& entry, ConnectionId connection, std::string_view target,
                       Direction direction) {
  return (!entry.rule.direction || *entry.rule.direction == direction) &&
         befalls(entry, connection, target);
}

bool RuleBook::refuses(std::string_view target) const {
  for (const auto& [id, entry] : rules_) {
    if (entry.rule.kind == Kind::Refuse && names(entry.rule, target)) return true;
  }
  return false;
}

bool RuleBook::hangs(ConnectionId connection, std::string_view target) {
  for (auto& [id, entry] : rules_) {
    if (entry.rule.kind == Kind::Hang && befalls(entry, connection, target)) return true;
  }
  return false;
}

Treatment RuleBook::treatment(ConnectionId connection, std::string_view target,
                              Direction direction) {
  Treatment sum;
  for (auto& [id, entry] : rules_) {
    const Rule& rule = entry.rule;
    const bool is_treatment =
        rule.kind != Kind::Cut && rule.kind != Kind::Refuse && rule.kind != Kind::Hang;
    if (!is_treatment || !befalls(entry, connection, target, direction)) continue;
    if (rule.kind == Kind::Stall) sum.stalled = true;
    if (rule.kind == Kind::Swallow) sum.swallowed = true;
    if (rule.kind == Kind::Delay) {
      sum.delay += rule.delay;
      sum.jitter += rule.jitter;
    }
    if (rule.kind == Kind::Dribble || rule.kind == Kind::Rate) {
      sum.piece_bytes = rule.bytes;
      sum.piece_every = rule.every;
    }
  }
  return sum;
}

std::vector<CutOrder> RuleBook::cuts(ConnectionId connection, std::string_view target,
                                     Direction direction) {
  std::vector<CutOrder> orders;
  for (auto& [id, entry] : rules_) {
    const Rule& rule = entry.rule;
    if (rule.kind != Kind::Cut || !befalls(entry, connection, target, direction)) continue;
    orders.push_back({.rule = id,
                      .after = rule.after,
                      .after_max = std::max(rule.after, rule.after_max),
                      .ending = rule.ending});
  }
  return orders;
}

}  // namespace hubward::simproxy
