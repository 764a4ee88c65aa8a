// The packets of one device in order, for comparing what two clients do.
#pragma once

#include <cstdint>
#include <deque>
#include <string>

#include "proto/mqtt/packet.h"
#include "tests/sim/cloud/types.h"

namespace hubward::simcloud {

struct TraceEntry {
  std::uint64_t number = 0;
  ConnectionId connection = 0;
  Place place = 0;
  WallTime at{};
  bool from_device = true;
  std::string what;     // packet name, or CLOSE / DROP with the reason
  std::string detail;   // what two clients must agree on: no packet ids, request ids, tokens
  std::string payload;  // the first bytes of a PUBLISH body
};

class Trace {
 public:
  void add(ConnectionId connection, Place place, WallTime at, bool from_device,
           const mqtt::Packet& packet);
  // The end of a connection: `from_device` tells who ended it.
  void add_end(ConnectionId connection, Place place, WallTime at, bool from_device,
               std::string reason);
  const std::deque<TraceEntry>& entries() const { return entries_; }
  void clear() { entries_.clear(); }
  void keep(bool on) { kept_ = on; }  // false: nothing is added

 private:
  void push(TraceEntry entry);
  std::deque<TraceEntry> entries_;
  std::uint64_t count_ = 0;
  bool kept_ = true;
};

}  // namespace hubward::simcloud
