// Arbitrary bytes as a sensor's message: up to the first NUL byte the topic, then the payload.
#include <cmath>
#include <cstdlib>
#include <string_view>

#include "adapters/mqtt/payload_extractor.h"
#include "adapters/mqtt/topic_routes.h"
#include "proto/utf8.h"

using namespace hubward;
using namespace hubward::mqtt;

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

const std::vector<TagSettings> kTags = {
    {TagIndex{0}, ""},        {TagIndex{1}, "/seq"},     {TagIndex{2}, "/environment/humidity"},
    {TagIndex{3}, "/axes/1"}, {TagIndex{4}, "/a~1b/~0"}, {TagIndex{5}, "/"},
    {TagIndex{6}, "/axes/-"}, {TagIndex{7}, "/axes/00"},
};

const TopicRoutes& routes() {
  static const TopicRoutes all = *TopicRoutes::make(
      {{0, "s1", "plant/{device}/t"}, {1, "s1", "+/{device}/#"}, {2, "", "hall/door"}},
      TopicRoutes::Sharing::Allowed);
  return all;
}

// One sample a payload, or many with a time and a quality of their own.
PayloadExtractor make_extractor(bool many) {
  DeviceSettings device;
  device.tags = kTags;
  if (many) {
    device.each = "/samples";
    device.time = {"/t", TimeFormat::UnixMilliseconds};
    device.quality = {"/q", {"good", "192"}};
  }
  return *PayloadExtractor::make(device);
}

void check(const PayloadExtractor& extractor, std::string_view payload) {
  const auto samples = extractor.extract(payload);
  if (!samples) return;
  require(!samples->empty() && samples->size() <= PayloadExtractor::kSamplesMax);
  for (const Sample& sample : *samples) {
    require(!sample.readings.empty() && sample.readings.size() <= kTags.size());
    for (const TagReading& reading : sample.readings) {
      if (const auto* number = std::get_if<double>(&reading.value)) require(std::isfinite(*number));
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const auto nul = input.find('\0');
  const std::string_view topic = input.substr(0, nul);
  const std::string_view payload =
      nul == std::string_view::npos ? std::string_view() : input.substr(nul + 1);

  for (const std::size_t owner : routes().owners_of(topic)) require(owner < 3);
  if (const auto made = TopicTemplate::parse(topic)) require(made->filter().size() <= topic.size());

  static const PayloadExtractor one = make_extractor(false);
  static const PayloadExtractor many = make_extractor(true);
  check(one, payload);
  check(many, payload);
  return 0;
}
