#include "proto/modbus/written_by.h"

namespace hubward::modbus {
namespace {

struct Written {
  std::optional<RegisterSpan> operator()(const ReadRequest&) const { return std::nullopt; }
  std::optional<RegisterSpan> operator()(const ReadIdentification&) const { return std::nullopt; }
  std::optional<RegisterSpan> operator()(const WriteCoil& write) const {
    return RegisterSpan{Table::Coil, write.address, 1};
  }
  std::optional<RegisterSpan> operator()(const WriteRegister& write) const {
    return RegisterSpan{Table::HoldingRegister, write.address, 1};
  }
  std::optional<RegisterSpan> operator()(const MaskWrite& write) const {
    return RegisterSpan{Table::HoldingRegister, write.address, 1};
  }
  std::optional<RegisterSpan> operator()(const WriteCoils& write) const {
    return RegisterSpan{Table::Coil, write.address, write.on.size()};
  }
  std::optional<RegisterSpan> operator()(const WriteRegisters& write) const {
    return RegisterSpan{Table::HoldingRegister, write.address, write.values.size()};
  }
  std::optional<RegisterSpan> operator()(const ReadWriteRegisters& write) const {
    return RegisterSpan{Table::HoldingRegister, write.address, write.values.size()};
  }
};

}  // namespace

std::optional<RegisterSpan> written_by(const Request& request) {
  return std::visit(Written{}, request);
}

}  // namespace hubward::modbus
