#include "adapters/modbus/attached_wire.h"

#include "adapters/modbus/rtu_wire.h"
#include "adapters/modbus/tcp_wire.h"

namespace hubward::modbus {

AttachedWire wire_to(const Attachment& attachment, std::chrono::milliseconds open_silence,
                     StreamOpener& streams, ByteStreamEvents& events, Loop& loop) {
  if (const auto* line = std::get_if<SerialSettings>(&attachment)) {
    return {std::make_unique<RtuWire>(*timing_of(attachment).serial, open_silence),
            streams.serial(*line, events, loop)};
  }
  if (const auto* converter = std::get_if<RtuOverTcp>(&attachment)) {
    // The converter sees to the silence between frames.
    return {std::make_unique<RtuWire>(RtuTiming{{}, {}}, open_silence),
            streams.tcp(converter->endpoint, events, loop)};
  }
  return {std::make_unique<TcpWire>(),
          streams.tcp(std::get<TcpEndpoint>(attachment), events, loop)};
}

}  // namespace hubward::modbus
