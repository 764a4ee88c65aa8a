// What is known of a request before anybody sends it.
#include "proto/modbus/pdu_parts.h"

namespace hubward::modbus {
namespace {

bool in_range(std::size_t address, std::size_t count, std::size_t count_max) {
  return count >= 1 && count <= count_max && address + count <= 0x10000;
}

}  // namespace

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

std::optional<ReadRequest> read_in(const Request& request) {
  if (const auto* read = std::get_if<ReadRequest>(&request)) return *read;
  if (const auto* both = std::get_if<ReadWriteRegisters>(&request)) {
    return ReadRequest{Table::HoldingRegister, both->read_address, both->read_count};
  }
  return std::nullopt;
}

std::size_t data_bytes(const ReadRequest& read) {
  return holds_bits(read.table) ? (read.count + 7U) / 8U : read.count * 2U;
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

}  // namespace hubward::modbus
