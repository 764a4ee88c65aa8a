#include "adapters/mqtt/json_members.h"

#include <string>
#include <utility>

namespace hubward::mqtt {
namespace {

// The walk goes one level of the payload down at each step, and the payload's depth is bounded.
class Walk {
 public:
  Walk(const std::vector<JsonPlace>& steps, std::size_t count_max)
      : steps_(steps), count_max_(count_max) {}

  void go(const json::Value& from, std::size_t step, std::string_view name) {
    const json::Value* const at = steps_[step].in(from);
    if (at == nullptr || too_many_) return;
    if (step + 1 == steps_.size()) {
      if (found_.size() == count_max_) {
        too_many_ = true;
      } else {
        found_.push_back({name, at});
      }
    } else if (at->IsArray()) {
      for (const json::Value& one : at->GetArray()) go(one, step + 1, {});
    } else if (at->IsObject()) {
      for (const auto& one : at->GetObject()) {
        go(one.value, step + 1, {one.name.GetString(), one.name.GetStringLength()});
      }
    } else {
      met_a_scalar_ = true;
    }
  }

  [[nodiscard]] bool too_many() const { return too_many_; }
  [[nodiscard]] bool met_a_scalar() const { return met_a_scalar_; }
  [[nodiscard]] std::vector<JsonMembers::Member> take() { return std::move(found_); }

 private:
  const std::vector<JsonPlace>& steps_;
  const std::size_t count_max_;
  std::vector<JsonMembers::Member> found_;
  bool too_many_ = false;
  bool met_a_scalar_ = false;
};

}  // namespace

Result<JsonMembers> JsonMembers::parse(std::string_view text) {
  JsonMembers made;
  std::string step;
  const auto add = [&]() -> Status {
    auto place = JsonPlace::parse(step);
    if (!place) return tl::unexpected(place.error());
    made.steps_.push_back(std::move(*place));
    step.clear();
    return {};
  };
  while (!text.empty()) {
    const std::string_view level = text.substr(0, text.find('/', 1));
    text.remove_prefix(level.size());
    if (level != "/*") {
      step += level;
    } else if (const Status added = add(); !added) {
      return tl::unexpected(added.error());
    }
  }
  made.implied_ = made.steps_.empty();
  if (const Status added = add(); !added) return tl::unexpected(added.error());
  if (made.implied_) static_cast<void>(add());  // the member itself: "" always parses
  return made;
}

Result<std::vector<JsonMembers::Member>> JsonMembers::in(const json::Value& root,
                                                         std::size_t count_max) const {
  Walk walk(steps_, count_max);
  walk.go(root, 0, {});
  if (walk.too_many()) {
    return failure(ErrorCode::InputTooLong, ErrorKind::Corrupt,
                   "more than " + std::to_string(count_max) + " samples in one message");
  }
  if (implied_ && walk.met_a_scalar()) {
    return failure(ErrorCode::BadPayload, ErrorKind::Corrupt,
                   "\"each\" leads to neither an array nor an object");
  }
  return walk.take();
}

}  // namespace hubward::mqtt
