// A broker that sends arbitrary bytes. The first byte says how they are split, bits of the others
// what the receiver decides. Every acknowledgement must belong to a message that was decided, and
// nothing may be reported twice.
#include <cstdlib>
#include <set>
#include <span>

#include "proto/mqtt/client_session.h"

using namespace hubward;
using namespace hubward::mqtt;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  ClientSettings settings;
  settings.client_id = "fuzz";
  settings.filters = {"#"};
  settings.message_bytes_max = 512;
  settings.undecided_max = 16;
  ClientSession session(settings);
  SteadyTime now{};
  std::set<std::uint64_t> seen;
  const std::size_t piece = std::size_t{1} + data[0] % 64;
  const auto bytes = std::as_bytes(std::span(data, size)).subspan(1);
  ClientActions actions;
  session.on_open(now, actions);
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    session.on_bytes(bytes.subspan(at, std::min(piece, bytes.size() - at)), now, actions);
    now += std::chrono::milliseconds{static_cast<unsigned>(bytes[at]) * 20U};
    for (std::size_t i = 0; i < actions.size(); ++i) {
      const ClientAction action = actions[i];  // decide() adds to them
      if (const auto* const message = std::get_if<MessageArrived>(&action)) {
        require(message->number == 0 || seen.insert(message->number).second);
        const auto choice = message->payload.size() % 4;
        if (choice < 2) session.decide(message->number, choice == 0, now, actions);
      } else if (std::holds_alternative<SessionEnded>(action)) {
        require(!session.deadline());
        session.on_open(now, actions);
      }
      require(actions.size() < 10'000);
    }
    actions.clear();
    session.on_timer(now, actions);
  }
  return 0;
}
