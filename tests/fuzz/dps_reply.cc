// A whole conversation with a DPS that answers whatever it likes: each line of the input is
// "{topic rest} {body}", the request id inserted for `#`. The attempt must end by itself.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "proto/dps/registration.h"

namespace {

using namespace hubward;

// The delay asked for last; a topic with a wildcard or a control character would end the link.
std::chrono::milliseconds check(const dps::Actions& actions) {
  std::chrono::milliseconds delay{0};
  for (const auto& action : actions) {
    if (const auto* publish = std::get_if<dps::Publish>(&action)) {
      if (publish->topic.size() > 4096) std::abort();
      for (const char c : publish->topic) {
        if (c < ' ' || c > '~' || c == '#' || c == '+') std::abort();
      }
    }
    if (const auto* timer = std::get_if<dps::StartTimer>(&action)) {
      if (timer->delay > dps::kAttemptBudget) std::abort();
      delay = timer->delay;
    }
    if (const auto* failed = std::get_if<dps::Failed>(&action)) {
      if (failed->error.context.size() > 1024) std::abort();
    }
  }
  return delay;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  std::string_view input(reinterpret_cast<const char*>(data), size);
  SteadyTime now{std::chrono::hours{1}};
  int rid = 0;
  dps::Registration registration("{}", [&rid] { return std::to_string(++rid); });
  check(registration.on_connected(now));
  check(registration.on_subscribed(now));
  while (!input.empty() && !registration.is_finished()) {
    const auto line = input.substr(0, input.find('\n'));
    input.remove_prefix(std::min(input.size(), line.size() + 1));
    const auto blank = line.find(' ');
    std::string topic = "$dps/registrations/res/" + std::string(line.substr(0, blank));
    if (const auto mark = topic.find('#'); mark != std::string::npos) {
      topic.replace(mark, 1, std::to_string(rid));
    }
    const auto body = blank == std::string_view::npos ? std::string_view{} : line.substr(blank + 1);
    now += check(registration.on_message(topic, body, now));
    now += check(registration.on_timer(now));
  }
  for (int i = 0; i < 100 && !registration.is_finished(); ++i) {
    now += check(registration.on_timer(now));
    now += std::chrono::milliseconds{1};
  }
  if (!registration.is_finished()) std::abort();
  return 0;
}
