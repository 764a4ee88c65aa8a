// A broker that sends arbitrary bytes. The first byte says how they are split, by its bit 7 that
// they are MQTT 5 and by its bit 6 that something is published meanwhile; bits of the others say
// what the receiver decides. Nothing may be reported twice, and what is sent must be MQTT.
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
  settings.version = (data[0] & 0x80U) != 0 ? Version::V5 : Version::V311;
  const bool publishes = (data[0] & 0x40U) != 0;
  settings.client_id = "fuzz";
  settings.filters = {"#"};
  settings.message_bytes_max = 512;
  settings.undecided_max = 16;
  ClientSession session(settings);
  SteadyTime now{};
  std::set<std::uint64_t> seen, publishing;
  const std::size_t piece = std::size_t{1} + data[0] % 64;
  const auto bytes = std::as_bytes(std::span(data, size)).subspan(1);
  ClientActions actions;
  const auto broker = [&settings] {
    return PacketReader(1 << 20, PacketReader::BadPublish::EndStream, settings.version);
  };
  PacketReader sent = broker();
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
      } else if (const auto* const ended = std::get_if<PublishEnded>(&action)) {
        require(publishing.erase(ended->number) == 1);
        require(!ended->taken || ended->refusal.empty());
      } else if (const auto* const written = std::get_if<WriteBytes>(&action)) {
        sent.feed(written->bytes);
        for (;;) {
          const auto packet = sent.next();
          require(packet.has_value());
          if (!*packet) break;
        }
      } else if (std::holds_alternative<SessionEnded>(action)) {
        require(sent.bytes_waiting() == 0);
        sent = broker();
        require(!session.deadline() && publishing.empty());
        session.on_open(now, actions);
      }
      require(actions.size() < 10'000);
    }
    actions.clear();
    session.on_timer(now, actions);
    if (!publishes || !session.is_ready() || publishing.size() > 100) continue;
    ClientPublish message{.topic = "back", .payload = std::string(at % 50, 'x')};
    message.correlation = "1";
    if (at % 3 == 0) message.expires_after = std::chrono::seconds{2};
    if (const auto number = session.publish(std::move(message), now, actions)) {
      require(publishing.insert(*number).second);
    }
  }
  return 0;
}
