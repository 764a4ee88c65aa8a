#include "proto/modbus/rtu.h"

#include <algorithm>

#include "proto/modbus/crc16.h"

namespace hubward::modbus {
namespace {

// Section 2.5.1.1: above 19200 baud the silence is fixed, because interrupts cost too much.
constexpr std::uint32_t kFixedSilenceAboveBaud = 19200;
constexpr std::chrono::nanoseconds kFixedSilence = std::chrono::microseconds{1750};

constexpr std::size_t kExceptionFrameBytes = 5;  // unit, function, code, checksum
constexpr std::size_t kWriteFrameBytes = 8;      // unit, function, address, word, checksum
constexpr std::size_t kMaskWriteFrameBytes = 10;

// What held a broken beginning may go on; only a sample of it is worth keeping.
constexpr std::size_t kBrokenBytesMax = kRtuFrameBytesMax;

bool cannot_begin_a_frame(std::byte byte) {
  return byte == std::byte{0x00} || byte == std::byte{0xFF};
}

}  // namespace

RtuTiming RtuTiming::at(std::uint32_t baud, unsigned bits_per_character) {
  if (baud == 0) baud = 9600;
  const std::chrono::nanoseconds character{1'000'000'000LL * bits_per_character / baud};
  return {character, baud > kFixedSilenceAboveBaud ? kFixedSilence : character * 7 / 2};
}

std::vector<std::byte> encode_rtu(std::uint8_t unit, std::span<const std::byte> pdu) {
  std::vector<std::byte> out;
  out.reserve(pdu.size() + 3);
  out.push_back(static_cast<std::byte>(unit));
  out.insert(out.end(), pdu.begin(), pdu.end());
  const unsigned crc = crc16(out);
  out.push_back(static_cast<std::byte>(crc & 0xFFU));  // low byte first, section 2.5.1.2
  out.push_back(static_cast<std::byte>(crc >> 8));
  return out;
}

Result<RtuFrame> parse_rtu(std::span<const std::byte> frame) {
  if (frame.size() < 4 || frame.size() > kRtuFrameBytesMax) {
    return failure(ErrorCode::BadFrame, ErrorKind::Corrupt, "length");
  }
  if (crc16(frame) != 0) return failure(ErrorCode::BadFrame, ErrorKind::Corrupt, "checksum");
  const auto pdu = frame.subspan(1, frame.size() - 3);
  return RtuFrame{std::to_integer<std::uint8_t>(frame[0]), {pdu.begin(), pdu.end()}};
}

namespace {

// An identification has no length in front: object after object tells where it ends.
std::optional<std::size_t> identification_frame_bytes(std::span<const std::byte> begin) {
  constexpr std::size_t kHeadBytes = 8;  // unit, function, five bytes, number of objects
  if (begin.size() < kHeadBytes) return std::nullopt;
  if (begin[2] != std::byte{kReadIdentification}) return 0;
  std::size_t end = kHeadBytes;
  for (auto left = std::to_integer<unsigned>(begin[7]); left > 0; --left) {
    if (end + 2 > kRtuFrameBytesMax) return 0;
    if (begin.size() < end + 2) return std::nullopt;
    end += 2 + std::to_integer<std::size_t>(begin[end + 1]);
  }
  return end + 2 > kRtuFrameBytesMax ? 0 : end + 2;
}

}  // namespace

std::optional<std::size_t> answer_frame_bytes(std::span<const std::byte> begin) {
  if (begin.size() < 2) return std::nullopt;
  const auto function = std::to_integer<std::uint8_t>(begin[1]);
  if ((function & kExceptionFlag) != 0) return kExceptionFrameBytes;
  switch (static_cast<FunctionCode>(function)) {
    case FunctionCode::ReadCoils:
    case FunctionCode::ReadDiscreteInputs:
    case FunctionCode::ReadHoldingRegisters:
    case FunctionCode::ReadInputRegisters:
    case FunctionCode::ReadWriteMultipleRegisters: {
      if (begin.size() < 3) return std::nullopt;
      const std::size_t total = 5 + std::to_integer<std::size_t>(begin[2]);
      return total > kRtuFrameBytesMax ? 0 : total;
    }
    case FunctionCode::WriteSingleCoil:
    case FunctionCode::WriteSingleRegister:
    case FunctionCode::WriteMultipleCoils:
    case FunctionCode::WriteMultipleRegisters:
      return kWriteFrameBytes;
    case FunctionCode::MaskWriteRegister:
      return kMaskWriteFrameBytes;
    case FunctionCode::EncapsulatedInterface:
      return identification_frame_bytes(begin);
  }
  return 0;
}

void RtuAnswerReader::push(std::span<const std::byte> bytes) {
  if (broken_) {
    const std::size_t room = kBrokenBytesMax - std::min(kBrokenBytesMax, buffer_.size());
    bytes = bytes.first(std::min(room, bytes.size()));
  }
  buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
}

Result<std::optional<RtuFrame>> RtuAnswerReader::next() {
  if (!broken_) {
    const auto begin = std::find_if_not(buffer_.begin(), buffer_.end(), cannot_begin_a_frame);
    buffer_.erase(buffer_.begin(), begin);
    const auto total = answer_frame_bytes(buffer_);
    if (!total || (*total != 0 && buffer_.size() < *total)) return std::nullopt;
    if (*total != 0) {
      if (auto frame = parse_rtu(std::span(buffer_).first(*total))) {
        buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(*total));
        return std::move(*frame);
      }
    }
    broken_ = true;
    if (buffer_.size() > kBrokenBytesMax) buffer_.resize(kBrokenBytesMax);
  }
  return failure(ErrorCode::BadFrame, ErrorKind::Corrupt, "no frame, or checksum wrong");
}

void RtuAnswerReader::reset() {
  buffer_.clear();
  broken_ = false;
}

}  // namespace hubward::modbus
