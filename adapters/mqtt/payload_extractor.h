// One JSON payload to the samples in it.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "adapters/mqtt/json_place.h"
#include "adapters/mqtt/settings.h"
#include "gateway/api/broker_link.h"
#include "proto/time.h"

namespace hubward::mqtt {

struct Sample {
  std::optional<WallTime> at;  // by the payload's own word; nothing: it says none that makes sense
  std::vector<TagReading> readings;
};

// One thread.
class PayloadExtractor {
 public:
  static constexpr json::Limits kLimits{.bytes_max = BrokerLink::kMessageBytesMax, .depth_max = 32};
  static constexpr std::size_t kSamplesMax = 1000;  // of one message

  // Error ConfigInvalid: a pointer is none (RFC 6901).
  [[nodiscard]] static Result<PayloadExtractor> make(const DeviceSettings& device);

  // In the payload's order, with readings in the order of the tags. A tag whose pointer leads
  // nowhere has no reading: messages may be partial. One that leads to null, an object or an array
  // is Bad; the others stay good. Of several samples those without any tag are left out.
  // Errors: BadPayload (no JSON text, or none of the tags in it), InputTooLong (or more samples).
  [[nodiscard]] Result<std::vector<Sample>> extract(std::string_view payload) const;

 private:
  struct TagPlace {
    TagIndex tag;
    JsonPlace place;
  };
  PayloadExtractor() = default;
  [[nodiscard]] Sample sample_of(const json::Value& root) const;
  [[nodiscard]] std::optional<WallTime> time_of(const json::Value& root) const;
  [[nodiscard]] bool is_good(const json::Value& root) const;

  std::vector<TagPlace> tags_;
  std::optional<JsonPlace> each_, time_, quality_;
  TimeFormat time_format_ = TimeFormat::Iso8601;
  std::vector<std::string> good_;
};

}  // namespace hubward::mqtt
