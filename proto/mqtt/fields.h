// Bytes of one packet to its fields.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "proto/mqtt/packet.h"
#include "proto/mqtt/topic_filter.h"
#include "proto/utf8.h"

namespace hubward::mqtt {

// Reads fields of one packet's body and remembers the first thing that was wrong with it.
class Fields {
 public:
  explicit Fields(std::span<const std::byte> bytes) : bytes_(bytes) {}

  unsigned byte() {
    if (bytes_.empty()) return cut();
    const auto value = static_cast<unsigned>(bytes_.front());
    bytes_ = bytes_.subspan(1);
    return value;
  }
  unsigned number() {
    const unsigned high = byte();
    return high << 8U | byte();
  }
  std::uint32_t long_number() {
    const std::uint32_t high = number();
    return high << 16U | number();
  }
  // MQTT 5.0, section 1.5.5: at most four bytes.
  std::size_t length() {
    std::size_t value = 0;
    for (unsigned shift = 0; shift < 28; shift += 7) {
      const unsigned next = byte();
      value |= static_cast<std::size_t>(next & 0x7FU) << shift;
      if ((next & 0x80U) == 0) return value;
    }
    refuse("length field over four bytes");
    lengths_break_ = true;
    return 0;
  }
  // The next `length` bytes for themselves.
  Fields part(std::size_t length) {
    if (length > bytes_.size()) {
      cut();
      return Fields({});
    }
    const Fields made(bytes_.first(length));
    bytes_ = bytes_.subspan(length);
    return made;
  }
  PacketId id() {
    const unsigned value = number();
    if (value == 0) refuse("packet id 0");
    return static_cast<PacketId>(value);
  }
  std::string raw(std::size_t length) {
    if (length > bytes_.size()) {
      cut();
      return {};
    }
    std::string value(reinterpret_cast<const char*>(bytes_.data()), length);
    bytes_ = bytes_.subspan(length);
    return value;
  }
  std::string binary() { return raw(number()); }
  std::string text() {
    std::string value = binary();
    if (!is_valid_text(value)) refuse("text is not UTF-8 or holds U+0000");
    return value;
  }
  std::string topic_name() {
    std::string value = text();
    if (!is_valid_topic(value)) refuse("empty topic name or wildcard in it");
    return value;
  }
  std::string topic_filter() {
    std::string value = text();
    if (!is_valid_filter(value)) refuse("invalid topic filter");
    return value;
  }
  Qos qos(unsigned value) {
    if (value > 2) refuse("QoS above 2");
    return static_cast<Qos>(value & 3U);
  }
  std::string rest() { return raw(bytes_.size()); }
  bool at_end() const { return bytes_.empty(); }
  // True while there is a list element to read; false also after an error, so that loops end.
  bool more() const { return !bytes_.empty() && why_ == nullptr; }

  void refuse(const char* why) {
    if (why_ == nullptr) why_ = why;
  }
  const char* why() const { return why_; }
  // Where a field begins and ends is not known any more.
  bool lengths_break() const { return lengths_break_; }

 private:
  unsigned cut() {
    refuse("packet shorter than its fields");
    lengths_break_ = true;
    bytes_ = {};
    return 0;
  }

  std::span<const std::byte> bytes_;
  const char* why_ = nullptr;
  bool lengths_break_ = false;
};

}  // namespace hubward::mqtt
