#include "proto/modbus/pdu.h"

#include <optional>

namespace hubward::modbus {
namespace {

// Section 6.5: the two words that a coil write may carry.
constexpr std::uint16_t kCoilOn = 0xFF00;
constexpr std::uint16_t kCoilOff = 0x0000;

template <class... Cases>
struct Match : Cases... {
  using Cases::operator()...;
};
template <class... Cases>
Match(Cases...) -> Match<Cases...>;

void put_byte(std::vector<std::byte>& out, std::size_t value) {
  out.push_back(static_cast<std::byte>(value & 0xFFU));
}
void put_word(std::vector<std::byte>& out, std::size_t value) {
  put_byte(out, value >> 8);
  put_byte(out, value);
}
std::uint8_t byte_at(std::span<const std::byte> bytes, std::size_t at) {
  return std::to_integer<std::uint8_t>(bytes[at]);
}
std::uint16_t word_at(std::span<const std::byte> bytes, std::size_t at) {
  return static_cast<std::uint16_t>(byte_at(bytes, at) << 8 | byte_at(bytes, at + 1));
}

// Bits go eight to a byte, the first in the lowest bit (section 6.1).
template <class Bits>
void put_bits(std::vector<std::byte>& out, const Bits& bits) {
  for (std::size_t first = 0; first < bits.size(); first += 8) {
    unsigned packed = 0;
    for (std::size_t i = 0; i < 8 && first + i < bits.size(); ++i) {
      if (bits[first + i] != 0) packed |= 1U << i;
    }
    put_byte(out, packed);
  }
}
bool bit_at(std::span<const std::byte> bytes, std::size_t bit) {
  return (byte_at(bytes, bit / 8) >> (bit % 8) & 1) != 0;
}

std::size_t data_bytes(const ReadRequest& read) {
  return holds_bits(read.table) ? (read.count + 7U) / 8U : read.count * 2U;
}

bool in_range(std::size_t address, std::size_t count, std::size_t count_max) {
  return count >= 1 && count <= count_max && address + count <= 0x10000;
}

bool in_range(const Request& request) {
  return std::visit(
      Match{[](const ReadRequest& r) {
              return in_range(r.address, r.count,
                              holds_bits(r.table) ? kReadBitsMax : kReadRegistersMax);
            },
            [](const WriteCoils& r) { return in_range(r.address, r.on.size(), kWriteCoilsMax); },
            [](const WriteRegisters& r) {
              return in_range(r.address, r.values.size(), kWriteRegistersMax);
            },
            [](const ReadWriteRegisters& r) {
              return in_range(r.read_address, r.read_count, kReadRegistersMax) &&
                     in_range(r.address, r.values.size(), kReadWriteRegistersMax);
            },
            [](const ReadIdentification& r) { return r.level >= 1 && r.level <= 4; },
            [](const auto&) { return true; }},
      request);
}

// Address and the word after it, as they stand in requests and in the answers to writes.
struct Head {
  std::uint16_t address, word;
};
Head head_of(const Request& request) {
  return std::visit(Match{[](const ReadRequest& r) {
                            return Head{r.address, r.count};
                          },
                          [](const WriteCoil& r) {
                            return Head{r.address, r.on ? kCoilOn : kCoilOff};
                          },
                          [](const WriteRegister& r) {
                            return Head{r.address, r.value};
                          },
                          [](const WriteCoils& r) {
                            return Head{r.address, static_cast<std::uint16_t>(r.on.size())};
                          },
                          [](const WriteRegisters& r) {
                            return Head{r.address, static_cast<std::uint16_t>(r.values.size())};
                          },
                          [](const MaskWrite& r) {
                            return Head{r.address, r.and_mask};
                          },
                          [](const ReadWriteRegisters& r) {
                            return Head{r.read_address, r.read_count};
                          },
                          [](const ReadIdentification&) {
                            return Head{0, 0};
                          }},
                    request);
}

tl::unexpected<Error> bad_frame(std::string why) {
  return failure(ErrorCode::BadFrame, ErrorKind::Corrupt, std::move(why));
}
tl::unexpected<Error> unexpected(std::string why) {
  return failure(ErrorCode::UnexpectedAnswer, ErrorKind::Corrupt, std::move(why));
}
tl::unexpected<Error> malformed(std::string why) {
  return failure(ErrorCode::Malformed, ErrorKind::Corrupt, std::move(why));
}

// The read that the answer is one to, if it holds registers or bits.
std::optional<ReadRequest> read_in(const Request& request) {
  if (const auto* read = std::get_if<ReadRequest>(&request)) return *read;
  if (const auto* both = std::get_if<ReadWriteRegisters>(&request)) {
    return ReadRequest{Table::HoldingRegister, both->read_address, both->read_count};
  }
  return std::nullopt;
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

std::string describe(ExceptionCode code) {
  const char* name = "not in the standard";
  switch (code) {
    case ExceptionCode::IllegalFunction:
      name = "illegal function";
      break;
    case ExceptionCode::IllegalDataAddress:
      name = "illegal data address";
      break;
    case ExceptionCode::IllegalDataValue:
      name = "illegal data value";
      break;
    case ExceptionCode::ServerDeviceFailure:
      name = "server device failure";
      break;
    case ExceptionCode::Acknowledge:
      name = "acknowledge";
      break;
    case ExceptionCode::ServerDeviceBusy:
      name = "server device busy";
      break;
    case ExceptionCode::NegativeAcknowledge:
      name = "negative acknowledge";
      break;
    case ExceptionCode::MemoryParityError:
      name = "memory parity error";
      break;
    case ExceptionCode::GatewayPathUnavailable:
      name = "gateway path unavailable";
      break;
    case ExceptionCode::GatewayTargetFailedToRespond:
      name = "gateway target device failed to respond";
      break;
  }
  return "exception " + std::to_string(static_cast<unsigned>(code)) + ", " + name;
}

ErrorCode failure_of(ExceptionCode code) {
  switch (code) {
    case ExceptionCode::IllegalFunction:
      return ErrorCode::IllegalFunction;
    case ExceptionCode::IllegalDataAddress:
      return ErrorCode::IllegalDataAddress;
    case ExceptionCode::IllegalDataValue:
      return ErrorCode::IllegalDataValue;
    case ExceptionCode::ServerDeviceFailure:
      return ErrorCode::DeviceFailure;
    case ExceptionCode::Acknowledge:
      return ErrorCode::DeviceStillAtIt;
    case ExceptionCode::ServerDeviceBusy:
      return ErrorCode::DeviceBusy;
    case ExceptionCode::MemoryParityError:
      return ErrorCode::MemoryParityError;
    case ExceptionCode::GatewayPathUnavailable:
      return ErrorCode::GatewayPathDown;
    case ExceptionCode::GatewayTargetFailedToRespond:
      return ErrorCode::GatewayTargetDown;
    case ExceptionCode::NegativeAcknowledge:
      break;
  }
  return ErrorCode::ModbusException;
}

FunctionCode function_of(const Request& request) {
  return std::visit(
      Match{[](const ReadRequest& r) {
              switch (r.table) {
                case Table::Coil:
                  return FunctionCode::ReadCoils;
                case Table::DiscreteInput:
                  return FunctionCode::ReadDiscreteInputs;
                case Table::HoldingRegister:
                  return FunctionCode::ReadHoldingRegisters;
                case Table::InputRegister:
                  break;
              }
              return FunctionCode::ReadInputRegisters;
            },
            [](const WriteCoil&) { return FunctionCode::WriteSingleCoil; },
            [](const WriteRegister&) { return FunctionCode::WriteSingleRegister; },
            [](const WriteCoils&) { return FunctionCode::WriteMultipleCoils; },
            [](const WriteRegisters&) { return FunctionCode::WriteMultipleRegisters; },
            [](const MaskWrite&) { return FunctionCode::MaskWriteRegister; },
            [](const ReadWriteRegisters&) { return FunctionCode::ReadWriteMultipleRegisters; },
            [](const ReadIdentification&) { return FunctionCode::EncapsulatedInterface; }},
      request);
}

bool is_read(const Request& request) {
  return std::holds_alternative<ReadRequest>(request) ||
         std::holds_alternative<ReadIdentification>(request);
}

bool may_be_broadcast(const Request& request) {
  return !is_read(request) && !std::holds_alternative<ReadWriteRegisters>(request);
}

std::size_t answer_bytes(const Request& request) {
  if (const auto read = read_in(request)) return 2 + data_bytes(*read);
  if (std::holds_alternative<ReadIdentification>(request)) return kPduBytesMax;
  return std::holds_alternative<MaskWrite>(request) ? 7 : 5;
}

bool answers_look_alike(const Request& a, const Request& b) {
  if (function_of(a) != function_of(b)) return false;
  if (read_in(a)) return answer_bytes(a) == answer_bytes(b);
  if (std::holds_alternative<MaskWrite>(a)) return a == b;
  const Head x = head_of(a);
  const Head y = head_of(b);
  return x.address == y.address && x.word == y.word;
}

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
