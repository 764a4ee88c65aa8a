#include "tests/sim/proxy/rule.h"

#include <algorithm>
#include <array>

namespace hubward::simproxy {
namespace {

using std::chrono::milliseconds;

constexpr std::int64_t kNumberMax = 1'000'000'000;

struct KindName {
  Kind kind;
  std::string_view name;
};
constexpr std::array kKinds = std::to_array<KindName>({{Kind::Delay, "delay"},
                                                       {Kind::Stall, "stall"},
                                                       {Kind::Swallow, "swallow"},
                                                       {Kind::Cut, "cut"},
                                                       {Kind::Dribble, "dribble"},
                                                       {Kind::Rate, "rate"},
                                                       {Kind::Refuse, "refuse"},
                                                       {Kind::Hang, "hang"}});

constexpr std::array<std::string_view, 14> kMembers{
    "kind",     "target",    "direction", "connections", "connection", "times", "duration_ms",
    "delay_ms", "jitter_ms", "after",     "after_max",   "how",        "bytes", "every_ms"};

tl::unexpected<Error> wrong(std::string why) {
  return failure(ErrorCode::Malformed, ErrorKind::Permanent, std::move(why));
}

// Reads members one after the other and keeps the first complaint.
class Reader {
 public:
  explicit Reader(const json::Value& body) : body_(body) {}

  std::optional<std::int64_t> number(std::string_view name, std::int64_t least = 0) {
    const json::Value* member = json::find(body_, name);
    if (member == nullptr) return std::nullopt;
    const auto value = json::as_int(member);
    if (!value || *value < least || *value > kNumberMax) {
      complain(std::string(name) + " is a whole number from " + std::to_string(least));
      return std::nullopt;
    }
    return value;
  }
  std::string text(std::string_view name) {
    const json::Value* member = json::find(body_, name);
    if (member == nullptr) return {};
    const auto value = json::as_string(member);
    if (!value) complain(std::string(name) + " is a text");
    return std::string(value.value_or(""));
  }
  void complain(std::string why) {
    if (!complaint_) complaint_ = std::move(why);
  }
  [[nodiscard]] const std::optional<std::string>& complaint() const { return complaint_; }

 private:
  const json::Value& body_;
  std::optional<std::string> complaint_;
};

milliseconds as_time(std::optional<std::int64_t> number) {
  return milliseconds(number.value_or(0));
}

// A limit of bytes a second as pieces that are small enough to look steady.
void pace(Rule& rule, std::int64_t bytes_per_s) {
  constexpr std::int64_t kPiecesPerS = 50;
  if (bytes_per_s >= kPiecesPerS) {
    rule.bytes = static_cast<std::uint64_t>(bytes_per_s / kPiecesPerS);
    rule.every = milliseconds(1000 / kPiecesPerS);
  } else {
    rule.bytes = 1;
    rule.every = milliseconds(1000 / std::max<std::int64_t>(bytes_per_s, 1));
  }
}

void read_place(Reader& in, std::span<const std::string> targets, Rule& rule) {
  rule.target = in.text("target");
  if (!rule.target.empty() && std::ranges::find(targets, rule.target) == targets.end()) {
    in.complain("no target is named " + rule.target);
  }
  const std::string direction = in.text("direction");
  if (direction == "up") rule.direction = Direction::Up;
  if (direction == "down") rule.direction = Direction::Down;
  if (!direction.empty() && !rule.direction) in.complain("direction is up or down");
  const std::string which = in.text("connections");
  if (which == "open") rule.which = Which::Open;
  if (which == "new") rule.which = Which::New;
  if (!which.empty() && which != "all" && rule.which == Which::All) {
    in.complain("connections are all, open or new");
  }
  if (const auto one = in.number("connection", 1))
    rule.connection = static_cast<ConnectionId>(*one);
  if (const auto times = in.number("times", 1)) rule.times = static_cast<unsigned>(*times);
  rule.duration = as_time(in.number("duration_ms", 1));
}

void read_effect(Reader& in, Rule& rule) {
  rule.delay = as_time(in.number("delay_ms"));
  rule.jitter = as_time(in.number("jitter_ms"));
  rule.after = static_cast<std::uint64_t>(in.number("after").value_or(0));
  rule.after_max = static_cast<std::uint64_t>(in.number("after_max").value_or(0));
  const std::string how = in.text("how");
  if (how == "fin") rule.ending = Ending::Goodbye;
  if (!how.empty() && how != "fin" && how != "rst") in.complain("how is rst or fin");
  rule.bytes = static_cast<std::uint64_t>(in.number("bytes").value_or(0));
  rule.every = as_time(in.number("every_ms"));
}

}  // namespace

std::string_view name_of(Kind kind) {
  return std::ranges::find(kKinds, kind, &KindName::kind)->name;
}

std::string_view name_of(Direction direction) { return direction == Direction::Up ? "up" : "down"; }

Result<Rule> parse_rule(const json::Value& body, std::span<const std::string> targets) {
  if (!body.IsObject()) return wrong("a rule is an object");
  Reader in(body);
  Rule rule;
  const std::string kind = in.text("kind");
  const auto* known = std::ranges::find(kKinds, kind, &KindName::name);
  if (known == kKinds.end()) {
    return wrong("kind is delay, stall, swallow, cut, dribble, rate, refuse or hang");
  }
  rule.kind = known->kind;
  for (const auto& member : body.GetObject()) {
    const std::string_view name(member.name.GetString(), member.name.GetStringLength());
    if (std::ranges::find(kMembers, name) == kMembers.end() && name != "bytes_per_s") {
      in.complain("a rule has no " + std::string(name));
    }
  }
  read_place(in, targets, rule);
  read_effect(in, rule);
  if (rule.kind == Kind::Delay && rule.delay + rule.jitter == milliseconds(0)) {
    in.complain("a delay needs delay_ms or jitter_ms");
  }
  if (rule.kind == Kind::Dribble && (rule.bytes == 0 || rule.every == milliseconds(0))) {
    in.complain("a dribble needs bytes and every_ms");
  }
  if (rule.kind == Kind::Rate) {
    const auto rate = in.number("bytes_per_s", 1);
    if (!rate) in.complain("a rate needs bytes_per_s");
    pace(rule, rate.value_or(1));
  }
  if (rule.after_max != 0 && rule.after_max < rule.after) in.complain("after_max is below after");
  if (rule.kind == Kind::Refuse && (rule.connection || rule.times || rule.which != Which::All)) {
    in.complain("refuse closes the door for everybody");
  }
  if (in.complaint()) return wrong(*in.complaint());
  return rule;
}

}  // namespace hubward::simproxy
