// One JSON payload to the readings of its tags.
#pragma once

// Before RapidJSON's own headers: sets how RapidJSON is built everywhere.
#include "proto/json.h"
// The rest.
#include <rapidjson/pointer.h>

#include <string_view>
#include <vector>

#include "adapters/mqtt/settings.h"

namespace hubward::mqtt {

// One thread.
class PayloadExtractor {
 public:
  // A sensor's message; the broker lets 256 KB through.
  static constexpr json::Limits kLimits{.bytes_max = 256 * 1024, .depth_max = 32};

  // Error ConfigInvalid: a pointer is none (RFC 6901).
  [[nodiscard]] static Result<PayloadExtractor> make(const std::vector<TagSettings>& tags);

  // In the order of the tags. A tag whose pointer leads nowhere has no reading: messages may be
  // partial. One that leads to null, an object or an array is Bad; the others stay good.
  // Errors: BadPayload (no JSON text, or none of the tags in it), InputTooLong.
  [[nodiscard]] Result<std::vector<TagReading>> extract(std::string_view payload) const;

 private:
  struct Place {
    TagIndex tag;
    rapidjson::Pointer pointer;
  };
  explicit PayloadExtractor(std::vector<Place> places) : places_(std::move(places)) {}
  std::vector<Place> places_;
};

}  // namespace hubward::mqtt
