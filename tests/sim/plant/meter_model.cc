#include "tests/sim/plant/meter_model.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace hubward::plant {
namespace {

using enum Table;
using enum WordOrder;

constexpr Register kRegisters[] = {
    {.name = "relay", .table = Coil, .address = 0, .writable = true},
    {.name = "phase_failure", .table = DiscreteInput, .address = 0},
    {.name = "high_tariff", .table = DiscreteInput, .address = 1},
    {.name = "serial_number", .table = InputRegister, .address = 0, .type = Type::Uint32},
    {.name = "case_temperature",
     .table = InputRegister,
     .address = 2,
     .type = Type::Int16,
     .scale = 0.1,
     .unit = "degC"},
    {.name = "read_sequence", .table = HoldingRegister, .address = 0, .type = Type::Uint32},
    {.name = "active_power",
     .table = HoldingRegister,
     .address = 2,
     .type = Type::Float32,
     .unit = "W"},
    {.name = "voltage_l1",
     .table = HoldingRegister,
     .address = 4,
     .type = Type::Float32,
     .order = LowFirst,
     .unit = "V"},
    {.name = "energy_import",
     .table = HoldingRegister,
     .address = 6,
     .type = Type::Uint64,
     .unit = "Wh"},
    {.name = "energy_export",
     .table = HoldingRegister,
     .address = 10,
     .type = Type::Uint64,
     .order = LowFirst,
     .unit = "Wh"},
    {.name = "reactive_power",
     .table = HoldingRegister,
     .address = 14,
     .type = Type::Int32,
     .unit = "var"},
    {.name = "power_l2",
     .table = HoldingRegister,
     .address = 16,
     .type = Type::Int32,
     .order = LowFirst,
     .unit = "W"},
    {.name = "frequency",
     .table = HoldingRegister,
     .address = 18,
     .type = Type::Uint16,
     .scale = 0.01,
     .unit = "Hz"},
    {.name = "cos_phi",
     .table = HoldingRegister,
     .address = 19,
     .type = Type::Int16,
     .scale = 0.001},
    {.name = "demand_limit",
     .table = HoldingRegister,
     .address = 20,
     .type = Type::Uint16,
     .scale = 100,
     .unit = "W",
     .writable = true},
};

constexpr double kDayS = 600;

}  // namespace

std::span<const Register> meter_registers() { return kRegisters; }

void set_meter_defaults(RegisterBank& bank) {
  bank.set("relay", 1);
  bank.set("demand_limit", 60'000);
  bank.set_integer("serial_number", 4'026'531'840);  // over 2^31: a signed reader shows it negative
}

void MeterModel::advance(double seconds, RegisterBank& bank) {
  total_s_ += seconds;
  const double hour = std::fmod(total_s_, kDayS) / kDayS * 24;
  const double pi = std::numbers::pi;
  const double shift = hour > 6 && hour < 22 ? std::sin((hour - 6) / 16 * pi) : 0;
  const double lunch = std::exp(-(hour - 12.5) * (hour - 12.5) / 0.4) * 9'000;
  const double sun = hour > 7 && hour < 19 ? std::sin((hour - 7) / 12 * pi) * 41'000 : 0;
  const double ripple = 900 * std::sin(total_s_ * 1.7) + 350 * std::sin(total_s_ * 5.3);
  const double load = bank.is_set("relay") ? 6'000 + 38'000 * shift - lunch + ripple : 300;
  const double power = load - sun;
  import_wh_ += std::max(0.0, power) * seconds / 3600;
  export_wh_ += std::max(0.0, -power) * seconds / 3600;

  bank.set("active_power", power);
  bank.set("voltage_l1", 231.5 - load / 20'000 + 0.4 * std::sin(total_s_));
  bank.set("energy_import", import_wh_);
  bank.set("energy_export", export_wh_);
  bank.set("reactive_power", -2'200 + load * 0.08);
  bank.set("power_l2", power / 3 - 450);
  bank.set("frequency", 50 + 0.03 * std::sin(total_s_ / 3));
  bank.set("cos_phi", std::clamp(power / (std::abs(power) + 4'000), -1.0, 1.0));
  bank.set("case_temperature", 28 + load / 4'000);
  bank.set("high_tariff", hour > 7 && hour < 20);
  bank.set("phase_failure", 0);
}

}  // namespace hubward::plant
