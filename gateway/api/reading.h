// What adapters hand up: one value of one tag with time and quality.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "proto/error_code.h"
#include "proto/time.h"

namespace hubward {

// A device's place in the configuration of this run. Durable records use its registration id.
struct DeviceIndex {
  std::uint32_t value = 0;
  friend auto operator<=>(DeviceIndex, DeviceIndex) = default;
};

// A tag's place among its device's tags.
struct TagIndex {
  std::uint16_t value = 0;
  friend auto operator<=>(TagIndex, TagIndex) = default;
};

// After scale and offset, in the tag's unit.
using TagValue = std::variant<bool, std::int64_t, std::uint64_t, double, std::string>;

enum class Quality : std::uint8_t {
  Good,
  Bad,  // no usable value: `code` says why, `value` is meaningless
};

struct TagReading {
  TagIndex tag;
  TagValue value;
  Quality quality = Quality::Good;
  ErrorCode code{};      // with Quality::Bad only
  std::string detail{};  // with it, where there is more to say: "0x8000 stands for no value"
};

// All values of one response, frame or message: taken together, sent as one telemetry message.
// Where one poll takes several responses, those with `more` go together with the next one.
struct ReadingBatch {
  DeviceIndex device;
  WallTime at;           // when the response arrived here
  SteadyTime at_steady;  // the same instant, immune to clock steps
  std::vector<TagReading> readings;
  // `at` is the equipment's own word on when it took them: nothing of ours corrects it.
  bool timed_by_device = false;
  bool more = false;  // others of the same poll follow at once
};

}  // namespace hubward
