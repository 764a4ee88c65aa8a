// Modbus servers that a test sets up register by register.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "proto/modbus/pdu.h"

namespace hubward::modbus::test {

inline bool reads_at(std::span<const std::byte> pdu, std::optional<std::uint16_t> address) {
  const auto request = parse_request(pdu);
  const auto* read = request ? std::get_if<ReadRequest>(&*request) : nullptr;
  return read != nullptr && address == read->address;
}

struct SimulatedUnit {
  std::map<std::pair<Table, std::uint16_t>, std::uint16_t> values;  // others are 0
  std::set<std::pair<Table, std::uint16_t>> missing;                // exception 2
  std::optional<ExceptionCode> refuses_all;
  bool masks = false;                   // knows function 22
  bool reads_as_it_writes = false;      // knows function 23
  bool reads_before_it_writes = false;  // which the standard has the other way round
  std::optional<ExceptionCode> refuses_to_read_as_it_writes;  // after it has written
  std::optional<ExceptionCode> refuses_writes_that_read;      // before
  std::optional<std::uint16_t> stores_at_most;  // like a device that limits what it is given
  std::map<std::uint16_t, std::uint16_t> stores_instead;  // like one that keeps true as 0xFFFF
  std::vector<Request> asked;

  [[nodiscard]] Answer serve(const Request& request) {
    asked.push_back(request);
    if (refuses_all) return ExceptionAnswer{*refuses_all};
    if (const auto* read = std::get_if<ReadRequest>(&request)) return held(*read);
    if (const auto* coil = std::get_if<WriteCoil>(&request)) {
      return store(Table::Coil, coil->address, {static_cast<std::uint16_t>(coil->on)});
    }
    if (const auto* one = std::get_if<WriteRegister>(&request)) {
      return store(Table::HoldingRegister, one->address, {one->value});
    }
    if (const auto* many = std::get_if<WriteRegisters>(&request)) {
      return store(Table::HoldingRegister, many->address, many->values);
    }
    const auto* both = std::get_if<ReadWriteRegisters>(&request);
    if (both != nullptr && reads_as_it_writes) return write_and_read(*both);
    const auto* mask = std::get_if<MaskWrite>(&request);
    if (mask != nullptr && masks) {
      const std::uint16_t old = values[{Table::HoldingRegister, mask->address}];
      const int kept = old & mask->and_mask;
      const int set = mask->or_mask & ~mask->and_mask;
      return store(Table::HoldingRegister, mask->address, {static_cast<std::uint16_t>(kept | set)});
    }
    return ExceptionAnswer{ExceptionCode::IllegalFunction};
  }
  // The reads since the last call.
  [[nodiscard]] std::vector<ReadRequest> take_reads() {
    std::vector<ReadRequest> reads;
    for (const Request& request : std::exchange(asked, {})) {
      if (const auto* read = std::get_if<ReadRequest>(&request)) reads.push_back(*read);
    }
    return reads;
  }

 private:
  Answer write_and_read(const ReadWriteRegisters& both) {
    const ReadRequest read{Table::HoldingRegister, both.read_address, both.read_count};
    const Answer before = held(read);
    if (refuses_writes_that_read) return ExceptionAnswer{*refuses_writes_that_read};
    const Answer stored = store(Table::HoldingRegister, both.address, both.values);
    if (std::holds_alternative<ExceptionAnswer>(stored)) return stored;
    if (refuses_to_read_as_it_writes) return ExceptionAnswer{*refuses_to_read_as_it_writes};
    return reads_before_it_writes ? before : held(read);
  }
  [[nodiscard]] Answer held(const ReadRequest& read) const {
    ReadAnswer answer;
    for (unsigned i = 0; i < read.count; ++i) {
      const std::pair at{read.table, static_cast<std::uint16_t>(read.address + i)};
      if (missing.contains(at)) return ExceptionAnswer{ExceptionCode::IllegalDataAddress};
      const auto value = values.find(at);
      answer.values.push_back(value == values.end() ? std::uint16_t{0} : value->second);
    }
    return answer;
  }
  Answer store(Table table, std::uint16_t address, const std::vector<std::uint16_t>& stored) {
    for (std::uint16_t i = 0; i < stored.size(); ++i) {
      const std::pair at{table, static_cast<std::uint16_t>(address + i)};
      if (missing.contains(at)) return ExceptionAnswer{ExceptionCode::IllegalDataAddress};
      values[at] = stores_at_most ? std::min(stored[i], *stores_at_most) : stored[i];
      const auto other = stores_instead.find(stored[i]);
      if (other != stores_instead.end()) values[at] = other->second;
    }
    return WriteAnswer{};
  }
};

}  // namespace hubward::modbus::test
