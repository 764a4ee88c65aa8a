// Properties to bytes and back, with the rules of table 2-4. For the writer and the reader of
// packets.
#pragma once

#include "proto/mqtt/body.h"
#include "proto/mqtt/fields.h"
#include "proto/mqtt/packet_type.h"
#include "proto/mqtt/properties.h"

namespace hubward::mqtt {

// A will has properties of its own within CONNECT; the number 0 stands for no packet.
constexpr PacketType kWillProperties{0};

// With the length before them. A property that may not stand there is refused.
void write_properties(const Properties& properties, PacketType where, Body& body);

// Refuses what the specification calls malformed or a protocol error: an id that is unknown, has no
// place in this packet or comes twice, and values that are not allowed.
[[nodiscard]] Properties read_properties(PacketType where, Fields& fields);

// The same, but only lengths that break are refused. `fault`: what else is wrong; null: nothing.
[[nodiscard]] Properties read_properties(PacketType where, Fields& fields, const char*& fault);

}  // namespace hubward::mqtt
