#include "gateway/outbox/row_codec.h"

#include <array>
#include <cstddef>

namespace hubward::outbox {
namespace {

constexpr std::array<std::uint32_t, 256> make_crc_table() {
  std::array<std::uint32_t, 256> table{};
  for (std::uint32_t i = 0; i < table.size(); ++i) {
    std::uint32_t value = i;
    for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1U) ? 0xEDB88320U : 0U);
    table[i] = value;
  }
  return table;
}
constexpr auto kCrcTable = make_crc_table();

class Crc32 {
 public:
  void add(std::string_view bytes) {
    for (const char c : bytes) step(static_cast<unsigned char>(c));
  }
  void add(std::uint64_t value) {
    for (int shift = 0; shift < 64; shift += 8) step(static_cast<unsigned char>(value >> shift));
  }
  [[nodiscard]] std::uint32_t value() const { return ~state_; }

 private:
  void step(unsigned char byte) { state_ = kCrcTable[(state_ ^ byte) & 0xFFU] ^ (state_ >> 8); }
  std::uint32_t state_ = 0xFFFFFFFFU;
};

void put_text(std::string_view text, std::string& into) {
  std::size_t length = text.size();
  while (length >= 0x80) {
    into.push_back(static_cast<char>(0x80U | (length & 0x7FU)));
    length >>= 7;
  }
  into.push_back(static_cast<char>(length));
  into.append(text);
}

std::uint64_t text_bytes(std::string_view text) {
  std::uint64_t bytes = 1 + text.size();
  for (std::size_t length = text.size(); length >= 0x80; length >>= 7) ++bytes;
  return bytes;
}

bool take_text(std::string_view& bytes, std::string& into) {
  std::size_t length = 0;
  for (unsigned shift = 0;; shift += 7) {
    if (bytes.empty() || shift > 28) return false;
    const auto byte = static_cast<unsigned char>(bytes.front());
    bytes.remove_prefix(1);
    length |= static_cast<std::size_t>(byte & 0x7FU) << shift;
    if ((byte & 0x80U) == 0) break;
  }
  if (length > bytes.size()) return false;
  into.assign(bytes.substr(0, length));
  bytes.remove_prefix(length);
  return true;
}

void add_row(std::uint64_t sequence, const OutboxMessage& message,
             std::string_view encoded_properties, Crc32& crc) {
  crc.add(sequence);
  crc.add(static_cast<std::uint64_t>(message.priority));
  crc.add(static_cast<std::uint64_t>(message.created.time_since_epoch().count()));
  crc.add(static_cast<std::uint64_t>(message.since_boot.count()));
  crc.add(message.boot_id);
  crc.add(message.clock_trusted ? 1 : 0);
  crc.add(static_cast<std::uint64_t>(message.component.size()));
  crc.add(message.component);
  crc.add(static_cast<std::uint64_t>(encoded_properties.size()));
  crc.add(encoded_properties);
  crc.add(message.body);
}

}  // namespace

std::uint64_t charged_bytes(const OutboxMessage& message) {
  std::uint64_t bytes = kRowOverheadBytes + message.component.size() + message.body.size();
  for (const auto& [key, value] : message.properties) bytes += text_bytes(key) + text_bytes(value);
  return bytes;
}

void encode_properties(const Properties& properties, std::string& into) {
  for (const auto& [key, value] : properties) {
    put_text(key, into);
    put_text(value, into);
  }
}

std::optional<Properties> decode_properties(std::string_view bytes) {
  Properties properties;
  while (!bytes.empty()) {
    auto& [key, value] = properties.emplace_back();
    if (!take_text(bytes, key) || !take_text(bytes, value)) return std::nullopt;
  }
  return properties;
}

std::uint32_t row_checksum(const RowIdentity& identity, const OutboxMessage& message,
                           std::string_view encoded_properties) {
  Crc32 crc;
  crc.add(static_cast<std::uint64_t>(identity.device.size()));
  crc.add(identity.device);
  crc.add(static_cast<std::uint64_t>(identity.epoch));
  add_row(identity.sequence, message, encoded_properties, crc);
  return crc.value();
}

std::uint32_t row_checksum_before_3(std::uint64_t sequence, const OutboxMessage& message,
                                    std::string_view encoded_properties) {
  Crc32 crc;
  add_row(sequence, message, encoded_properties, crc);
  return crc.value();
}

std::string epoch_name(std::uint64_t bits) {
  constexpr std::string_view kDigits = "0123456789abcdefghijklmnopqrstuv";
  std::string name(13, '0');
  for (auto place = name.rbegin(); place != name.rend(); ++place, bits >>= 5) {
    *place = kDigits[bits & 31U];
  }
  return name;
}

}  // namespace hubward::outbox
