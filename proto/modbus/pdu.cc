// The client's half: requests are made, answers are read.
#include "proto/modbus/pdu_parts.h"

namespace hubward::modbus {
namespace {

tl::unexpected<Error> bad_frame(std::string why) {
  return failure(ErrorCode::BadFrame, ErrorKind::Corrupt, std::move(why));
}
tl::unexpected<Error> unexpected(std::string why) {
  return failure(ErrorCode::UnexpectedAnswer, ErrorKind::Corrupt, std::move(why));
}

constexpr std::size_t kIdentificationHeadBytes = 7;  // up to the number of objects

Result<Answer> parse_identification(const ReadIdentification& asked,
                                    std::span<const std::byte> pdu) {
  if (pdu.size() < kIdentificationHeadBytes) return bad_frame("length");
  if (byte_at(pdu, 1) != kReadIdentification || byte_at(pdu, 2) != asked.level) {
    return unexpected("another kind of identification");
  }
  Identification answer;
  answer.level = byte_at(pdu, 2);
  answer.conformity = byte_at(pdu, 3);
  if (byte_at(pdu, 4) != 0 && byte_at(pdu, 4) != 0xFF) return bad_frame("neither more nor all");
  answer.more_follows = byte_at(pdu, 4) != 0;
  answer.next_object = byte_at(pdu, 5);
  auto rest = pdu.subspan(kIdentificationHeadBytes);
  for (unsigned left = byte_at(pdu, 6); left > 0; --left) {
    if (rest.size() < 2 || rest.size() < 2U + byte_at(rest, 1)) return bad_frame("object's length");
    std::string text;
    for (const std::byte byte : rest.subspan(2, byte_at(rest, 1))) {
      text += static_cast<char>(byte);
    }
    answer.objects.emplace_back(byte_at(rest, 0), std::move(text));
    rest = rest.subspan(2U + byte_at(rest, 1));
  }
  if (!rest.empty()) return bad_frame("more bytes than objects");
  return answer;
}

Result<Answer> parse_read_answer(const ReadRequest& read, std::span<const std::byte> pdu) {
  if (pdu.size() < 2 || pdu.size() != 2U + byte_at(pdu, 1)) {
    return bad_frame("byte count does not fit the length");
  }
  const auto data = pdu.subspan(2);
  if (data.size() != data_bytes(read)) return unexpected("another number of values");
  ReadAnswer answer;
  answer.values.reserve(read.count);
  for (std::size_t i = 0; i < read.count; ++i) {
    answer.values.push_back(holds_bits(read.table) ? static_cast<std::uint16_t>(bit_at(data, i))
                                                   : word_at(data, i * 2));
  }
  return answer;
}

}  // namespace

Result<std::vector<std::byte>> encode_request(const Request& request) {
  if (!in_range(request)) {
    return failure(ErrorCode::LimitExceeded, ErrorKind::Permanent,
                   "more than one Modbus request can carry, or past address 65535");
  }
  const Head head = head_of(request);
  std::vector<std::byte> out;
  out.reserve(5);
  put_byte(out, static_cast<std::uint8_t>(function_of(request)));
  if (const auto* identification = std::get_if<ReadIdentification>(&request)) {
    put_byte(out, kReadIdentification);
    put_byte(out, identification->level);
    put_byte(out, identification->object);
    return out;
  }
  put_word(out, head.address);
  put_word(out, head.word);
  if (const auto* coils = std::get_if<WriteCoils>(&request)) {
    put_byte(out, (coils->on.size() + 7) / 8);
    put_bits(out, coils->on);
  } else if (const auto* registers = std::get_if<WriteRegisters>(&request)) {
    put_byte(out, registers->values.size() * 2);
    for (const std::uint16_t value : registers->values) put_word(out, value);
  } else if (const auto* mask = std::get_if<MaskWrite>(&request)) {
    put_word(out, mask->or_mask);
  } else if (const auto* both = std::get_if<ReadWriteRegisters>(&request)) {
    put_word(out, both->address);
    put_word(out, both->values.size());
    put_byte(out, both->values.size() * 2);
    for (const std::uint16_t value : both->values) put_word(out, value);
  }
  return out;
}

Result<Answer> parse_answer(const Request& request, std::span<const std::byte> pdu) {
  if (pdu.empty() || pdu.size() > kPduBytesMax) return bad_frame("length");
  const auto function = static_cast<std::uint8_t>(function_of(request));
  if (byte_at(pdu, 0) == (function | kExceptionFlag)) {
    if (pdu.size() != 2) return bad_frame("an exception has two bytes");
    return ExceptionAnswer{static_cast<ExceptionCode>(byte_at(pdu, 1))};
  }
  if (byte_at(pdu, 0) != function) return unexpected("answer to another function");
  if (const auto read = read_in(request)) return parse_read_answer(*read, pdu);
  if (const auto* identification = std::get_if<ReadIdentification>(&request)) {
    return parse_identification(*identification, pdu);
  }
  if (pdu.size() != answer_bytes(request)) return bad_frame("not the length of a write's answer");
  const auto* mask = std::get_if<MaskWrite>(&request);
  if (mask != nullptr && word_at(pdu, 5) != mask->or_mask) {
    return unexpected("another mask than was written");
  }
  const Head head = head_of(request);
  if (word_at(pdu, 1) != head.address || word_at(pdu, 3) != head.word) {
    return unexpected("another address, value or count than was written");
  }
  return WriteAnswer{};
}

}  // namespace hubward::modbus
