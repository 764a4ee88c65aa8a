// The numbers of table 2.1, shared by writer and reader.
#pragma once

#include <cstdint>

namespace hubward::mqtt {

enum class PacketType : std::uint8_t {
  Connect = 1,
  Connack = 2,
  Publish = 3,
  Puback = 4,
  Pubrec = 5,
  Pubrel = 6,
  Pubcomp = 7,
  Subscribe = 8,
  Suback = 9,
  Unsubscribe = 10,
  Unsuback = 11,
  Pingreq = 12,
  Pingresp = 13,
  Disconnect = 14,
  Auth = 15,  // 5.0
};

// Flags that a type must carry in the low half of the first byte; PUBLISH uses them freely (2.2.2).
constexpr std::uint8_t required_flags(PacketType type) {
  const bool two = type == PacketType::Pubrel || type == PacketType::Subscribe ||
                   type == PacketType::Unsubscribe;
  return two ? 0x2 : 0x0;
}

// Connect flags, section 3.1.2.3.
constexpr std::uint8_t kFlagReserved = 0x01;
constexpr std::uint8_t kFlagCleanSession = 0x02;
constexpr std::uint8_t kFlagWill = 0x04;
constexpr std::uint8_t kFlagWillRetain = 0x20;
constexpr std::uint8_t kFlagPassword = 0x40;
constexpr std::uint8_t kFlagUserName = 0x80;
constexpr int kWillQosShift = 3;

// Options of a subscription, 5.0 section 3.8.3.1.
constexpr std::uint8_t kOptionNoLocal = 0x04;
constexpr std::uint8_t kOptionRetainAsPublished = 0x08;
constexpr std::uint8_t kOptionsReserved = 0xC0;
constexpr int kRetainedShift = 4;

}  // namespace hubward::mqtt
