// Who waits to be let in, and who does not have to.
#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "gateway/api/newcomer.h"

namespace hubward::control {

struct NewcomerRule {
  std::string name;
  bool approve_all = false;
  std::vector<std::string> approve_names;  // with * for any characters
  std::size_t devices_max = 0;             // before everybody waits
  std::size_t devices = 0;                 // of this rule, already there
};

// What people and cloud both take as a device's id: reference section 2.5.
[[nodiscard]] bool is_device_id(std::string_view text);

// `*` in a pattern stands for any characters, also none.
[[nodiscard]] bool matches_name(std::string_view pattern, std::string_view name);

// Pure; time is passed in. One thread.
//
// The list is bounded: names come from the wire, and whoever may publish can invent them. When it
// is full, who was not heard for the longest time makes room; the next message brings it back. Who
// is being added, or has a file already, stays: of those a rule makes at most `devices_max`.
class Newcomers {
 public:
  static constexpr std::size_t kWaitingMax = 1000;
  static constexpr std::size_t kRefusedMax = 1000;
  static constexpr std::size_t kNameBytesMax = 255;
  static constexpr std::size_t kTopicBytesMax = 512;   // that are kept
  static constexpr std::size_t kSampleBytesMax = 120;  // and of a message
  // After a failed attempt to add one by rule: for that one, or for all of the rule.
  static constexpr std::chrono::seconds kAgainAfter{60};

  explicit Newcomers(std::vector<NewcomerRule> rules);

  // True: its rule lets it in; begin() is next. The rule is the first that heard of it: what
  // somebody sees and approves does not change under their hands.
  struct Said {
    std::string_view name;
    std::string_view topic;
    std::string_view payload{};
  };
  [[nodiscard]] bool hear(std::size_t rule, const Said& said, WallTime wall, SteadyTime now);
  // The place of the rule of one that waits and is not being added; nothing: there is none.
  [[nodiscard]] std::optional<std::size_t> waiting(const std::string& name) const;
  // It is being added, and then was, or will be by the next start, or was not. Fault::Rule: any
  // other one of its rule would have failed as well.
  void begin(const std::string& name);
  void added(const std::string& name);
  void added_for_later(const std::string& name, const std::string& why);
  enum class Fault : std::uint8_t { Newcomer, Rule };
  void failed(const std::string& name, std::string why, Fault fault, SteadyTime now);

  // Errors, each with a sentence: nobody of that name waits, too many were refused.
  Status refuse(const std::string& name);
  // One that was refused may wait again. False: it was not.
  bool forgive(const std::string& name) { return refused_.erase(name) != 0; }
  void restore_refused(const std::vector<std::string>& names);

  [[nodiscard]] NewcomersStatus look() const;

 private:
  struct Waiting {
    Newcomer shown;
    std::size_t rule = 0;
    bool being_added = false;
    std::optional<SteadyTime> not_before;
  };
  using List = std::map<std::string, Waiting, std::less<>>;
  void make_room();
  [[nodiscard]] bool lets_in(std::size_t rule, std::string_view name) const;

  std::vector<NewcomerRule> rules_;
  std::vector<std::optional<SteadyTime>> rules_not_before_;  // by place in rules_
  List waiting_;                                             // by name
  std::set<std::string, std::less<>> refused_;
  std::uint64_t messages_ = 0;
  std::uint64_t evicted_ = 0;
};

}  // namespace hubward::control
