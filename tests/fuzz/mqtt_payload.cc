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
    {TagIndex{0}, JsonMember{""}},
    {TagIndex{1}, JsonMember{"/seq"}},
    {TagIndex{2}, JsonMember{"/environment/humidity"}},
    {TagIndex{3}, JsonMember{"/axes/1"}},
    {TagIndex{4}, JsonMember{"/a~1b/~0"}},
    {TagIndex{5}, JsonMember{"/"}},
    {TagIndex{6}, JsonMember{"/axes/-"}},
    {TagIndex{7}, JsonMember{"/axes/00"}},
};

const TopicRoutes& routes() {
  static const TopicRoutes all = *TopicRoutes::make(
      {{0, "s1", "plant/{device}/t"}, {1, "s1", "+/{device}/#"}, {2, "", "hall/door"}},
      TopicRoutes::Sharing::Allowed);
  return all;
}

// One JSON sample a payload, or many with a time and a quality of their own.
PayloadExtractor make_extractor(bool many) {
  DeviceSettings device;
  device.tags = kTags;
  if (many) {
    device.each = "/samples";
    device.time = {JsonMember{"/t"}, TimeFormat::UnixMilliseconds};
    device.quality = {JsonMember{"/q"}, {"good", "192"}};
  }
  return *PayloadExtractor::make(device);
}

// As they come, by stars; CSV by number and by name; text; bytes.
std::vector<PayloadExtractor> other_extractors() {
  using extract::BinaryType;
  using extract::TextType;
  const auto form = [](TextType type) {
    extract::ValueForm made;
    made.type = type;
    made.scale = 1e300;
    made.utf8 = true;
    return made;
  };
  DeviceSettings stars;
  stars.each = "/g/*/s/*";
  stars.each_name = DeviceSettings::EachName::Tag;
  stars.tags = {{TagIndex{0}, JsonMember{"/v"}, {}, form(TextType::Number), "a"},
                {TagIndex{1}, JsonMember{""}, {}, {}, "b"}};
  DeviceSettings text;
  text.payload = PayloadForm::Text;
  text.tags = {{TagIndex{0}, WholeText{}, {}, form(TextType::Number), "a"},
               {TagIndex{1}, WholeText{}, {}, form(TextType::Text), "b"},
               {TagIndex{2}, FixedColumns{3, 5}, {}, form(TextType::DegreesMinutes), "c"}};
  DeviceSettings csv;
  csv.payload = PayloadForm::Csv;
  csv.time = {CsvColumn{1}, TimeFormat::Iso8601};
  csv.quality = {CsvColumn{3}, {"ok"}};
  csv.tags = {{TagIndex{0}, CsvColumn{2}}, {TagIndex{1}, CsvColumn{0, "T"}}};
  DeviceSettings bytes;
  bytes.payload = PayloadForm::Binary;
  bytes.record_bytes = 9;
  bytes.time = {BinaryField{.offset = 5, .type = BinaryType::Uint32}, TimeFormat::UnixSeconds};
  bytes.tags = {{TagIndex{0}, BinaryField{.type = BinaryType::Float32}, {}, form(TextType::Number)},
                {TagIndex{1}, BinaryField{.offset = 4, .type = BinaryType::Bcd32}},
                {TagIndex{2}, BinaryField{.type = BinaryType::Uint8, .bit = 7}}};
  std::vector<PayloadExtractor> all;
  for (const auto* device : {&stars, &text, &csv, &bytes}) {
    all.push_back(*PayloadExtractor::make(*device));
  }
  return all;
}

void check(const PayloadExtractor& extractor, std::string_view payload,
           const TopicNames& topic = {}) {
  const auto samples = extractor.extract(payload, topic);
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
  static const TopicTemplate named = *TopicTemplate::parse("plant/{device}/{component}/{tag}");
  const auto names = named.match(topic);
  static_cast<void>(JsonMembers::parse(topic));

  static const PayloadExtractor one = make_extractor(false);
  static const PayloadExtractor many = make_extractor(true);
  check(one, payload);
  check(many, payload);
  static const std::vector<PayloadExtractor> others = other_extractors();
  for (const PayloadExtractor& other : others) {
    check(other, payload);
    if (names) check(other, payload, *names);
  }
  return 0;
}
