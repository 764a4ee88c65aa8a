// The server's half: requests are read, answers are made.
#include "proto/modbus/pdu_parts.h"

namespace hubward::modbus {
namespace {

tl::unexpected<Error> malformed(std::string why) {
  return failure(ErrorCode::Malformed, ErrorKind::Corrupt, std::move(why));
}

Result<Request> parse_write_many(FunctionCode function, std::span<const std::byte> pdu) {
  if (pdu.size() < 6 || pdu.size() != 6U + byte_at(pdu, 5)) {
    return malformed("byte count does not fit the length");
  }
  const std::uint16_t address = word_at(pdu, 1);
  const std::size_t count = word_at(pdu, 3);
  const auto data = pdu.subspan(6);
  if (function == FunctionCode::WriteMultipleCoils) {
    if (data.size() != (count + 7) / 8) return malformed("byte count does not fit the count");
    WriteCoils write{address, std::vector<bool>(count)};
    for (std::size_t i = 0; i < count; ++i) write.on[i] = bit_at(data, i);
    return write;
  }
  if (data.size() != count * 2) return malformed("byte count does not fit the count");
  WriteRegisters write{address, std::vector<std::uint16_t>(count)};
  for (std::size_t i = 0; i < count; ++i) write.values[i] = word_at(data, i * 2);
  return write;
}

Result<Request> parse_read_write(std::span<const std::byte> pdu) {
  if (pdu.size() < 10 || pdu.size() != 10U + byte_at(pdu, 9)) {
    return malformed("byte count does not fit the length");
  }
  const std::size_t count = word_at(pdu, 7);
  if (byte_at(pdu, 9) != count * 2) return malformed("byte count does not fit the count");
  ReadWriteRegisters request{word_at(pdu, 1), word_at(pdu, 3), word_at(pdu, 5),
                             std::vector<std::uint16_t>(count)};
  for (std::size_t i = 0; i < count; ++i) request.values[i] = word_at(pdu, 10 + i * 2);
  return request;
}

std::optional<Table> table_read_by(FunctionCode function) {
  switch (function) {
    case FunctionCode::ReadCoils:
      return Table::Coil;
    case FunctionCode::ReadDiscreteInputs:
      return Table::DiscreteInput;
    case FunctionCode::ReadHoldingRegisters:
      return Table::HoldingRegister;
    case FunctionCode::ReadInputRegisters:
      return Table::InputRegister;
    default:
      return std::nullopt;
  }
}

Result<Request> parse_request_fields(std::span<const std::byte> pdu) {
  const auto function = static_cast<FunctionCode>(byte_at(pdu, 0));
  if (function == FunctionCode::WriteMultipleCoils ||
      function == FunctionCode::WriteMultipleRegisters) {
    return parse_write_many(function, pdu);
  }
  if (function == FunctionCode::ReadWriteMultipleRegisters) return parse_read_write(pdu);
  if (function == FunctionCode::MaskWriteRegister) {
    if (pdu.size() != 7) return malformed("length does not fit the function");
    return MaskWrite{word_at(pdu, 1), word_at(pdu, 3), word_at(pdu, 5)};
  }
  if (function == FunctionCode::EncapsulatedInterface) {
    if (pdu.size() != 4) return malformed("length does not fit the function");
    if (byte_at(pdu, 1) != kReadIdentification) return malformed("function not known");
    return ReadIdentification{byte_at(pdu, 2), byte_at(pdu, 3)};
  }
  if (pdu.size() != 5) return malformed("length does not fit the function");
  const std::uint16_t address = word_at(pdu, 1);
  const std::uint16_t word = word_at(pdu, 3);
  if (const auto table = table_read_by(function)) return ReadRequest{*table, address, word};
  if (function == FunctionCode::WriteSingleRegister) return WriteRegister{address, word};
  if (function == FunctionCode::WriteSingleCoil) {
    if (word != kCoilOn && word != kCoilOff) {
      return failure(ErrorCode::LimitExceeded, ErrorKind::Corrupt, "coil is neither on nor off");
    }
    return WriteCoil{address, word == kCoilOn};
  }
  return malformed("function not known");
}

}  // namespace

Result<Request> parse_request(std::span<const std::byte> pdu) {
  if (pdu.empty() || pdu.size() > kPduBytesMax) return malformed("length");
  Result<Request> request = parse_request_fields(pdu);
  if (request && !in_range(*request)) {
    return failure(ErrorCode::LimitExceeded, ErrorKind::Corrupt, "count or address");
  }
  return request;
}

std::vector<std::byte> encode_answer(const Request& request, const Answer& answer) {
  const auto function = static_cast<std::uint8_t>(function_of(request));
  std::vector<std::byte> out;
  if (std::holds_alternative<SentToAll>(answer)) return out;
  if (const auto* exception = std::get_if<ExceptionAnswer>(&answer)) {
    put_byte(out, function | kExceptionFlag);
    put_byte(out, static_cast<std::uint8_t>(exception->code));
    return out;
  }
  put_byte(out, function);
  if (const auto* data = std::get_if<ReadAnswer>(&answer)) {
    const auto read = read_in(request);
    const bool bits = read && holds_bits(read->table);
    put_byte(out, bits ? (data->values.size() + 7) / 8 : data->values.size() * 2);
    if (bits) {
      put_bits(out, data->values);
    } else {
      for (const std::uint16_t value : data->values) put_word(out, value);
    }
    return out;
  }
  if (const auto* identification = std::get_if<Identification>(&answer)) {
    put_byte(out, kReadIdentification);
    put_byte(out, identification->level);
    put_byte(out, identification->conformity);
    put_byte(out, identification->more_follows ? 0xFF : 0);
    put_byte(out, identification->next_object);
    put_byte(out, identification->objects.size());
    for (const auto& [id, text] : identification->objects) {
      put_byte(out, id);
      put_byte(out, text.size());
      for (const char c : text) out.push_back(static_cast<std::byte>(c));
    }
    return out;
  }
  const Head head = head_of(request);
  put_word(out, head.address);
  put_word(out, head.word);
  if (const auto* mask = std::get_if<MaskWrite>(&request)) put_word(out, mask->or_mask);
  return out;
}

}  // namespace hubward::modbus
