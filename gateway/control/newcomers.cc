#include "gateway/control/newcomers.h"

#include <algorithm>
#include <utility>

namespace hubward::control {
namespace {

constexpr std::size_t kIdBytesMax = 64;

tl::unexpected<Error> refuse_because(ErrorCode code, std::string why) {
  return failure(code, ErrorKind::Permanent, std::move(why));
}

bool is_letter_or_digit(char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); }

}  // namespace

bool is_device_id(std::string_view text) {
  return !text.empty() && text.size() <= kIdBytesMax && is_letter_or_digit(text.front()) &&
         is_letter_or_digit(text.back()) && std::all_of(text.begin(), text.end(), [](char c) {
           return is_letter_or_digit(c) || c == '-';
         });
}

// Goes back to the last star only, so that a pattern costs at most its length times the name's.
bool matches_name(std::string_view pattern, std::string_view name) {
  std::size_t at = 0, place = 0;
  std::size_t star = std::string_view::npos, begun = 0;
  while (at < name.size()) {
    if (place < pattern.size() && pattern[place] == '*') {
      star = place++;
      begun = at;
    } else if (place < pattern.size() && pattern[place] == name[at]) {
      ++place;
      ++at;
    } else if (star != std::string_view::npos) {
      place = star + 1;
      at = ++begun;
    } else {
      return false;
    }
  }
  return pattern.find_first_not_of('*', place) == std::string_view::npos;
}

Newcomers::Newcomers(std::vector<NewcomerRule> rules)
    : rules_(std::move(rules)), rules_not_before_(rules_.size()) {}

bool Newcomers::hear(std::size_t rule, const Said& said, WallTime wall, SteadyTime now) {
  const std::string_view name = said.name;
  ++messages_;
  if (name.size() > kNameBytesMax || refused_.contains(name)) return false;
  auto found = waiting_.find(name);
  if (found == waiting_.end()) {
    if (waiting_.size() >= kWaitingMax) make_room();
    Waiting fresh;
    fresh.shown.name = name;
    fresh.shown.rule = rules_[rule].name;
    fresh.shown.first = wall;
    fresh.rule = rule;
    found = waiting_.emplace(std::string(name), std::move(fresh)).first;
  }
  Waiting& one = found->second;
  ++one.shown.messages;
  one.shown.last = wall;
  if (one.rule != rule) return false;
  one.shown.topic = said.topic.substr(0, kTopicBytesMax);
  one.shown.sample = said.payload.substr(0, kSampleBytesMax);
  if (one.being_added || one.shown.approved) return false;
  if (one.not_before && now < *one.not_before) return false;
  if (!lets_in(rule, name)) return false;
  if (!is_device_id(name)) {
    one.shown.problem = "its name can be no id; approve it with --id";
    return false;
  }
  if (rules_[rule].devices >= rules_[rule].devices_max) {
    one.shown.problem = "there are as many devices of this rule as \"devices_max\" allows";
    return false;
  }
  if (const auto& from = rules_not_before_[rule]; from && now < *from) {
    one.shown.problem = "its rule could not add another device, and tries again within a minute";
    return false;
  }
  return true;
}

bool Newcomers::lets_in(std::size_t rule, std::string_view name) const {
  const NewcomerRule& by = rules_[rule];
  return by.approve_all ||
         std::any_of(by.approve_names.begin(), by.approve_names.end(),
                     [&](const std::string& pattern) { return matches_name(pattern, name); });
}

void Newcomers::make_room() {
  auto oldest = waiting_.end();
  for (auto one = waiting_.begin(); one != waiting_.end(); ++one) {
    if (one->second.being_added || one->second.shown.approved) continue;
    if (oldest == waiting_.end() || one->second.shown.last < oldest->second.shown.last) {
      oldest = one;
    }
  }
  if (oldest == waiting_.end()) return;
  waiting_.erase(oldest);
  ++evicted_;
}

std::optional<std::size_t> Newcomers::waiting(const std::string& name) const {
  const auto found = waiting_.find(name);
  if (found == waiting_.end() || found->second.being_added || found->second.shown.approved) {
    return std::nullopt;
  }
  return found->second.rule;
}

void Newcomers::begin(const std::string& name) {
  if (const auto found = waiting_.find(name); found != waiting_.end()) {
    found->second.being_added = true;
    ++rules_[found->second.rule].devices;
  }
}

void Newcomers::added(const std::string& name) { waiting_.erase(name); }

void Newcomers::added_for_later(const std::string& name, const std::string& why) {
  const auto found = waiting_.find(name);
  if (found == waiting_.end()) return;
  found->second.being_added = false;
  found->second.shown.approved = true;
  found->second.shown.problem = "approved; it runs after a restart: " + why;
}

void Newcomers::failed(const std::string& name, std::string why, Fault fault, SteadyTime now) {
  const auto found = waiting_.find(name);
  if (found == waiting_.end()) return;
  Waiting& one = found->second;
  if (std::exchange(one.being_added, false)) --rules_[one.rule].devices;
  one.shown.problem = std::move(why);
  one.not_before = now + kAgainAfter;
  if (fault == Fault::Rule) rules_not_before_[one.rule] = now + kAgainAfter;
}

Status Newcomers::refuse(const std::string& name) {
  const auto found = waiting_.find(name);
  if (found == waiting_.end()) {
    return refuse_because(ErrorCode::Malformed, "no device of the name \"" + name + "\" waits");
  }
  if (found->second.being_added) {
    return refuse_because(ErrorCode::Malformed, "it is being added just now");
  }
  if (found->second.shown.approved) {
    return refuse_because(ErrorCode::Malformed,
                          "it is approved already; take its file out of devices.d");
  }
  if (refused_.size() >= kRefusedMax) {
    return refuse_because(ErrorCode::LimitExceeded,
                          "1000 names are refused already; keep such devices from publishing, by "
                          "the broker's rules");
  }
  waiting_.erase(found);
  refused_.insert(name);
  return {};
}

void Newcomers::restore_refused(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    if (refused_.size() < kRefusedMax && name.size() <= kNameBytesMax) refused_.insert(name);
  }
}

NewcomersStatus Newcomers::look() const {
  NewcomersStatus status;
  status.expected = !rules_.empty();
  status.waiting.reserve(waiting_.size());
  for (const auto& [name, one] : waiting_) status.waiting.push_back(one.shown);
  status.messages = messages_;
  status.evicted = evicted_;
  status.refused.assign(refused_.begin(), refused_.end());
  return status;
}

}  // namespace hubward::control
