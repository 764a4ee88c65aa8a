// Arbitrary bytes as what a Modbus TCP peer says. The first byte says how they are split; what is
// made of them must not depend on it.
#include <algorithm>
#include <cstdlib>
#include <span>

#include "adapters/modbus/tcp_wire.h"
#include "gateway/api/southbound.h"

using namespace hubward;
using namespace hubward::modbus;

namespace {

struct Seen {
  std::size_t answered = 0, spoiled = 0, stray = 0;
  bool useless = false;
  bool operator==(const Seen&) const = default;
};

Seen feed(std::span<const std::byte> bytes, std::size_t piece) {
  TcpWire wire;
  wire.on_open({});
  (void)wire.begin({1}, 1, ReadRequest{Table::HoldingRegister, 107, 3}, {});
  (void)wire.begin({2}, 1, ReadRequest{Table::Coil, 19, 19}, {});
  (void)wire.begin({3}, 2, WriteRegister{1, 3}, {});
  Seen seen;
  for (std::size_t at = 0; at < bytes.size() && !seen.useless; at += piece) {
    for (const auto& event :
         wire.on_bytes(bytes.subspan(at, std::min(piece, bytes.size() - at)), {})) {
      seen.answered += std::holds_alternative<Answered>(event) ? 1 : 0;
      seen.spoiled += std::holds_alternative<Spoiled>(event) ? 1 : 0;
      seen.stray += std::holds_alternative<Stray>(event) ? 1 : 0;
      seen.useless |= std::holds_alternative<StreamUseless>(event);
    }
  }
  if (seen.answered + seen.spoiled > 3) std::abort();  // each exchange ends once
  return seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const auto bytes = std::as_bytes(std::span(data, size)).subspan(1);
  if (feed(bytes, bytes.size() + 1) != feed(bytes, 1U + data[0] % 16)) std::abort();
  return 0;
}
