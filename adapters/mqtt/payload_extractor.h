// One payload to the samples in it.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/mqtt/json_members.h"
#include "adapters/mqtt/sample_place.h"
#include "adapters/mqtt/settings.h"
#include "gateway/api/broker_link.h"
#include "proto/mqtt/topic_template.h"
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
  // nowhere has no reading: messages may be partial. One that leads to null, an object or an array,
  // whose text is not of its form, or that would stand behind the end is Bad; the others stay good.
  // Where `topic` names a component or a tag, the payload is theirs only. Of several samples those
  // without any tag are left out.
  // Errors: BadPayload (not of the device's form, or none of the tags in it), InputTooLong (or more
  // samples).
  [[nodiscard]] Result<std::vector<Sample>> extract(std::string_view payload,
                                                    const TopicNames& topic = {}) const;

 private:
  struct Tag {
    TagSettings settings;
    SamplePlace place;
  };
  class Samples;  // of one message, as they are found
  PayloadExtractor() = default;
  [[nodiscard]] Status take_json(std::string_view payload, Samples& samples) const;
  [[nodiscard]] Status take_csv(std::string_view payload, Samples& samples) const;
  [[nodiscard]] Status take_records(std::string_view payload, Samples& samples) const;
  [[nodiscard]] std::optional<WallTime> time_of(const SampleSource& source) const;
  [[nodiscard]] bool is_good(const SampleSource& source) const;

  PayloadForm form_ = PayloadForm::Json;
  std::vector<Tag> tags_;
  std::optional<JsonMembers> each_;
  DeviceSettings::EachName each_name_ = DeviceSettings::EachName::Nothing;
  extract::CsvForm csv_;
  std::vector<std::string> column_names_;  // that make a line the header
  std::size_t record_bytes_ = 0;
  std::optional<SamplePlace> time_, quality_;
  TimeFormat time_format_ = TimeFormat::Iso8601;
  std::vector<std::string> good_;
};

}  // namespace hubward::mqtt
