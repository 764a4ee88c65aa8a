// How one message becomes a row and back. FORMAT.md describes it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/api/outbox.h"

namespace hubward::outbox {

// What a row is charged on top of its text: key columns, times and SQLite's own overhead (about 50
// bytes) and its entry in the memory index (24 bytes).
inline constexpr std::uint64_t kRowOverheadBytes = 80;

// The bytes by which retention counts a message.
[[nodiscard]] std::uint64_t charged_bytes(const OutboxMessage& message);

// Each text as its length (7 bits a byte, low ones first, high bit: more follow) and its bytes.
using Properties = std::vector<std::pair<std::string, std::string>>;
void encode_properties(const Properties& properties, std::string& into);
// Nothing if the bytes are not what encode_properties makes.
[[nodiscard]] std::optional<Properties> decode_properties(std::string_view bytes);

// Whose a row is, and which of its rows: the device by its name, under which it goes out; the epoch
// by its id, because a letter flipped in an epoch's name harms nobody and is no reason to set all
// its messages aside.
struct RowIdentity {
  std::string_view device;
  std::int64_t epoch = 0;
  std::uint64_t sequence = 0;
};
// CRC-32 (the one of Ethernet and zip) over what a row means and whose it is, so that a damaged one
// is recognised.
[[nodiscard]] std::uint32_t row_checksum(const RowIdentity& identity, const OutboxMessage& message,
                                         std::string_view encoded_properties);
// As rows have it that were written by versions 1 and 2 of the format: not whose it is.
[[nodiscard]] std::uint32_t row_checksum_before_3(std::uint64_t sequence,
                                                  const OutboxMessage& message,
                                                  std::string_view encoded_properties);

// 64 random bits as 13 characters of [0-9a-v].
[[nodiscard]] std::string epoch_name(std::uint64_t bits);

}  // namespace hubward::outbox
