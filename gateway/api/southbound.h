// The door between adapters and the rest of the gateway. Adapters never see the cloud.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "gateway/api/reading.h"
#include "proto/result.h"

namespace hubward {

// How a device is reached, as its adapter sees it.
struct FieldState {
  enum class Link : std::uint8_t { Unknown, Up, Down };
  Link link = Link::Unknown;
  ErrorCode code{};    // with Link::Down: why
  std::string detail;  // e.g. "unit 7 at /dev/ttyUSB0: 3 requests without an answer, next in 8 s"
};

// Input that was dropped: counted by code; one bounded sample is kept for the page.
struct BadInput {
  static constexpr std::size_t kSampleBytesMax = 256;
  std::optional<DeviceIndex> device;  // absent: not attributable to one
  std::string source;                 // port, endpoint or topic
  ErrorCode code;
  std::vector<std::byte> sample;  // at most kSampleBytesMax
};

// Runs once: ok when the batch is in the outbox (it survives the process now), else why not.
using Stored = std::function<void(Status)>;

// Takes readings. Called on the loop that the adapter was given; `stored` runs on that loop too and
// may be empty.
class ReadingSink {
 public:
  virtual ~ReadingSink() = default;
  virtual void deliver(ReadingBatch batch, Stored stored) = 0;
  virtual void field_state(DeviceIndex device, FieldState state) = 0;
  virtual void bad_input(BadInput input) = 0;
};

// A validated command to the plant. The caller has checked that the tag is writable and in range.
struct WriteRequest {
  DeviceIndex device;
  TagIndex tag;
  TagValue value;       // in the tag's unit, before scale and offset are undone
  SteadyTime deadline;  // past it the value must not be put on the wire
};

struct WriteResult {
  enum class Outcome : std::uint8_t {
    Written,  // the equipment confirmed it
    Refused,  // the equipment or the adapter said no; nothing changed
    Expired,  // deadline passed before it was put on the wire; nothing changed
    Unknown,  // put on the wire, no answer: it may have happened. Never repeated blindly
    Sent,     // put on the wire for all who listen there: none of them answers, nobody confirms it
  };
  Outcome outcome;
  ErrorCode code{};    // unless Written or Sent
  std::string detail;  // e.g. "exception 2, illegal data address"
  // What the equipment holds now: where it was asked, or where it could take the value only
  // rounded.
  std::optional<TagValue> read_back;
  bool verified = false;  // Written, and read back as it was to be
};

using WriteDone = std::function<void(WriteResult)>;

// Reads one kind of field equipment. All calls on the adapter's loop; they never overlap.
class SouthboundAdapter {
 public:
  virtual ~SouthboundAdapter() = default;
  virtual Status start(ReadingSink& sink) = 0;  // sink outlives stop()
  // `done` runs once, on the loop, possibly before write() returns.
  virtual void write(WriteRequest request, WriteDone done) = 0;
  // After it returns nothing reaches the sink; pending writes were answered (Expired or Unknown).
  virtual void stop() noexcept = 0;
};

}  // namespace hubward
