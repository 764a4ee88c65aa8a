#include "tests/sim/cloud/ledger.h"

#include <charconv>
#include <optional>

namespace hubward::simcloud {
namespace {

constexpr std::size_t kLogMessagesMax = 5000;  // enough for a test to look at, whole
// More names than any test uses; keeps a client that invents ids from eating the memory.
constexpr std::size_t kSeriesMax = 4096;
constexpr std::size_t kOtherIdsMax = 200'000;

struct NumberedId {
  std::string_view prefix;  // with the dash
  std::uint64_t number = 0;
};

std::optional<NumberedId> numbered(std::string_view id) {
  const std::size_t dash = id.rfind('-');
  if (dash == std::string_view::npos) return std::nullopt;
  const std::string_view digits = id.substr(dash + 1);
  NumberedId result{.prefix = id.substr(0, dash + 1)};
  const auto* end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, result.number);
  if (digits.empty() || stop != end || error != std::errc{}) return std::nullopt;
  return result;
}

// Of the outermost object; the body is not parsed, because this runs for every message.
std::uint64_t members_of(std::string_view body) {
  std::uint64_t members = 0;
  int depth = 0;
  bool in_text = false;
  for (std::size_t i = 0; i < body.size(); ++i) {
    const char c = body[i];
    if (in_text) {
      if (c == '\\') ++i;
      if (c == '"') in_text = false;
    } else if (c == '"') {
      in_text = true;
    } else if (c == '{' || c == '[') {
      ++depth;
    } else if (c == '}' || c == ']') {
      --depth;
    } else if (c == ':' && depth == 1) {
      ++members;
    }
  }
  return members;
}

std::size_t cost_of(const ReceivedMessage& message) {
  return sizeof(message) + message.id.size() + message.bag.size() + message.body.size();
}

}  // namespace

void Ledger::record(ReceivedMessage message, std::size_t log_bytes_max) {
  message.number = ++total_;
  if (message.id.empty()) {
    ++without_id_;
    ++unique_;
  } else if (is_new(message.id)) {
    ++unique_;
  } else {
    message.repeated = true;
    ++repeated_;
  }
  HubTotals& hub = by_hub_[message.hub];
  ++hub.total;
  ++(message.repeated ? hub.repeated : hub.unique);
  if (!message.repeated) values_ += members_of(message.body);
  count_counters(message.body);
  log_bytes_ += cost_of(message);
  log_.push_back(std::move(message));
  while (log_.size() > kLogMessagesMax || (log_.size() > 1 && log_bytes_ > log_bytes_max)) {
    log_bytes_ -= cost_of(log_.front());
    log_.pop_front();
  }
}

bool Ledger::is_new(const std::string& id) {
  const auto parts = numbered(id);
  if (!parts) {
    return other_ids_.size() >= kOtherIdsMax ? !other_ids_.contains(id)
                                             : other_ids_.insert(id).second;
  }
  auto series = ids_.find(parts->prefix);
  if (series == ids_.end()) {
    if (ids_.size() >= kSeriesMax) return true;
    series = ids_.emplace(parts->prefix, IdSeries{}).first;
  }
  if (!series->second.seen.insert(parts->number)) return false;
  if (series->second.seen.size() > 1 && parts->number < series->second.last) ++order_violations_;
  series->second.last = std::max(series->second.last, parts->number);
  return true;
}

// Looks for `counter":` in the text instead of parsing the body: this runs for every message.
void Ledger::count_counters(std::string_view body) {
  constexpr std::string_view kEnd = "ounter\"";  // matches counter and Counter
  for (std::size_t at = body.find(kEnd); at != std::string_view::npos; at = body.find(kEnd, at)) {
    const std::size_t quote = body.rfind('"', at);
    const std::size_t name_end = at + kEnd.size() - 1;
    at = name_end + 1;
    if (quote == std::string_view::npos) continue;
    const std::string_view name = body.substr(quote + 1, name_end - quote - 1);
    const std::size_t colon = body.find_first_not_of(" \t\r\n", at);
    if (colon == std::string_view::npos || body[colon] != ':') continue;
    const std::size_t digit = body.find_first_not_of(" \t\r\n", colon + 1);
    if (digit == std::string_view::npos) continue;
    std::uint64_t value = 0;
    const auto parsed = std::from_chars(body.data() + digit, body.data() + body.size(), value);
    if (parsed.ec != std::errc{}) continue;
    auto series = counters_.find(name);
    if (series == counters_.end()) {
      if (counters_.size() >= kSeriesMax) continue;
      series = counters_.emplace(name, CounterSeries{}).first;
    }
    CounterSeries& counter = series->second;
    ++counter.received;
    if (counter.seen.insert(value) && value < counter.last) ++counter.order_violations;
    counter.last = std::max(counter.last, value);
  }
}

}  // namespace hubward::simcloud
