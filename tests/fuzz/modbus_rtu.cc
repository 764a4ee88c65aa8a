// Arbitrary bytes as what comes from a serial line during one exchange. The first byte says how
// they are split, the second what was asked, and of whom: its highest bit says of all units, and
// then nothing is an answer. Else an exchange ends at most once, and an answer is one that the
// request can have. Samples stay bounded.
#include <algorithm>
#include <cstdlib>
#include <span>

#include "adapters/modbus/rtu_wire.h"
#include "gateway/api/southbound.h"

using namespace hubward;
using namespace hubward::modbus;

namespace {

const Request kRequests[] = {ReadRequest{Table::HoldingRegister, 107, 3},
                             ReadRequest{Table::Coil, 0x0313, 19}, WriteRegister{1, 3},
                             WriteRegisters{1, {10, 258}}};

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return 0;
  const auto bytes = std::as_bytes(std::span(data, size)).subspan(2);
  const std::size_t piece = 1U + data[0] % 32;
  const Request& request = kRequests[data[1] % 4];
  const std::uint8_t unit = (data[1] & 0x80U) != 0 ? kBroadcastUnit : 1;
  RtuWire wire(RtuTiming::at(9600, 11), std::chrono::milliseconds{100});
  wire.on_open({});
  (void)wire.begin({1}, unit, request, {});
  std::size_t ended = 0;
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    for (const auto& event :
         wire.on_bytes(bytes.subspan(at, std::min(piece, bytes.size() - at)), {})) {
      if (const auto* answered = std::get_if<Answered>(&event)) {
        ++ended;
        const auto* read = std::get_if<ReadAnswer>(&answered->answer);
        require(read == nullptr || is_read(request));
        if (read != nullptr) require(read->values.size() == std::get<ReadRequest>(request).count);
      } else if (const auto* spoiled = std::get_if<Spoiled>(&event)) {
        ++ended;
        require(spoiled->sample.size() <= BadInput::kSampleBytesMax);
      } else if (const auto* stray = std::get_if<Stray>(&event)) {
        require(stray->sample.size() <= BadInput::kSampleBytesMax);
      }
    }
  }
  for (const auto& event : wire.abandon({{1}, false}, {})) {
    const auto* stray = std::get_if<Stray>(&event);
    require(stray != nullptr && stray->sample.size() <= BadInput::kSampleBytesMax);
  }
  require(ended <= (unit == kBroadcastUnit ? 0U : 1U));
  return 0;
}
