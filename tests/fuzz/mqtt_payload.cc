// Arbitrary bytes as a sensor's message: up to the first NUL byte the topic, then the payload.
#include <cmath>
#include <cstdlib>
#include <string_view>

#include "adapters/mqtt/payload_extractor.h"
#include "adapters/mqtt/topic_routes.h"
#include "proto/mqtt/utf8.h"

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
      {{.device = {}, .device_name = "s1", .topic_template = "plant/{device}/t", .tags = {}},
       {.device = {}, .device_name = "s1", .topic_template = "+/{device}/#", .tags = {}},
       {.device = {}, .device_name = "", .topic_template = "hall/door", .tags = {}}});
  return all;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  const auto nul = input.find('\0');
  const std::string_view topic = input.substr(0, nul);
  const std::string_view payload =
      nul == std::string_view::npos ? std::string_view() : input.substr(nul + 1);

  if (const auto device = routes().device_of(topic)) require(*device < 3);
  if (const auto made = TopicTemplate::parse(topic)) require(made->filter().size() <= topic.size());

  static const PayloadExtractor extractor = *PayloadExtractor::make(kTags);
  const auto readings = extractor.extract(payload);
  if (!readings) return 0;
  require(readings->size() <= kTags.size());
  for (const TagReading& reading : *readings) {
    if (const auto* number = std::get_if<double>(&reading.value)) require(std::isfinite(*number));
  }
  return 0;
}
