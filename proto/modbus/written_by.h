// Which coils or registers a request changes.
#pragma once

#include <optional>

#include "proto/modbus/pdu.h"

namespace hubward::modbus {

struct RegisterSpan {
  Table table = Table::HoldingRegister;
  std::uint16_t address = 0;
  std::size_t count = 0;

  [[nodiscard]] constexpr bool overlaps(const RegisterSpan& other) const {
    return table == other.table && address < std::size_t{other.address} + other.count &&
           other.address < std::size_t{address} + count;
  }
};

// Nothing for a read.
[[nodiscard]] std::optional<RegisterSpan> written_by(const Request& request);

}  // namespace hubward::modbus
