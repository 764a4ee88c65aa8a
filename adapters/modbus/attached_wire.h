// What carries exchanges to one kind of attachment: its wire and its stream.
#pragma once

#include <chrono>
#include <memory>

#include "adapters/modbus/settings.h"
#include "adapters/modbus/wire.h"
#include "gateway/api/byte_stream.h"
#include "gateway/api/loop.h"

namespace hubward::modbus {

struct AttachedWire {
  std::unique_ptr<Wire> wire;
  std::unique_ptr<ByteStream> stream;  // not open yet
};

// `open_silence`: how long a line is listened to after opening before anything is said. `events`
// and `loop` outlive the stream.
[[nodiscard]] AttachedWire wire_to(const Attachment& attachment,
                                   std::chrono::milliseconds open_silence, StreamOpener& streams,
                                   ByteStreamEvents& events, Loop& loop);

}  // namespace hubward::modbus
