#include "proto/modbus/tcp.h"

namespace hubward::modbus {
namespace {

std::size_t word_at(std::span<const std::byte> bytes, std::size_t at) {
  return std::to_integer<std::size_t>(bytes[at]) << 8 | std::to_integer<std::size_t>(bytes[at + 1]);
}

}  // namespace

std::vector<std::byte> encode_tcp(std::uint16_t transaction, std::uint8_t unit,
                                  std::span<const std::byte> pdu) {
  const std::size_t length = pdu.size() + 1;  // of what follows the length field
  std::vector<std::byte> out;
  out.reserve(kMbapBytes + pdu.size());
  for (const std::size_t word : {std::size_t{transaction}, std::size_t{0}, length}) {
    out.push_back(static_cast<std::byte>(word >> 8 & 0xFFU));
    out.push_back(static_cast<std::byte>(word & 0xFFU));
  }
  out.push_back(static_cast<std::byte>(unit));
  out.insert(out.end(), pdu.begin(), pdu.end());
  return out;
}

void TcpFrameReader::push(std::span<const std::byte> bytes) {
  if (broken_) return;  // nothing more can be read from it, so nothing more is kept
  buffer_.erase(buffer_.begin(), buffer_.begin() + static_cast<std::ptrdiff_t>(taken_));
  taken_ = 0;
  buffer_.insert(buffer_.end(), bytes.begin(), bytes.end());
}

Result<std::optional<TcpFrame>> TcpFrameReader::next() {
  const auto rest = this->rest();
  if (!broken_ && rest.size() >= 4 && word_at(rest, 2) != 0) broken_ = true;  // protocol is not 0
  if (!broken_ && rest.size() >= 6) {
    const std::size_t length = word_at(rest, 4);
    if (length < 2 || length > kPduBytesMax + 1) broken_ = true;
  }
  if (broken_) {
    return failure(ErrorCode::BadFrame, ErrorKind::Corrupt, "this is not a Modbus TCP stream");
  }
  if (rest.size() < kMbapBytes || rest.size() < 6 + word_at(rest, 4)) return std::nullopt;
  const std::size_t total = 6 + word_at(rest, 4);
  TcpFrame frame;
  frame.transaction = static_cast<std::uint16_t>(word_at(rest, 0));
  frame.unit = std::to_integer<std::uint8_t>(rest[6]);
  frame.pdu.assign(rest.begin() + kMbapBytes, rest.begin() + static_cast<std::ptrdiff_t>(total));
  taken_ += total;
  return frame;
}

void TcpFrameReader::reset() {
  buffer_.clear();
  taken_ = 0;
  broken_ = false;
}

std::span<const std::byte> TcpFrameReader::rest() const {
  return std::span(buffer_).subspan(taken_);
}

}  // namespace hubward::modbus
