#include "tests/sim/plant/press_model.h"

#include <algorithm>
#include <cmath>

namespace hubward::plant {
namespace {

using enum Table;
using enum WordOrder;

constexpr Register kRegisters[] = {
    {.name = "run", .table = Coil, .address = 0, .writable = true},
    {.name = "lamp", .table = Coil, .address = 1, .writable = true},
    {.name = "guard_closed", .table = DiscreteInput, .address = 0},
    {.name = "at_top", .table = DiscreteInput, .address = 1},
    {.name = "at_bottom", .table = DiscreteInput, .address = 2},
    {.name = "overload", .table = DiscreteInput, .address = 3},
    {.name = "read_sequence", .table = InputRegister, .address = 0, .type = Type::Uint32},
    {.name = "part_count", .table = InputRegister, .address = 2, .type = Type::Uint32},
    {.name = "phase", .table = InputRegister, .address = 4, .type = Type::Uint16},
    {.name = "pressure",
     .table = InputRegister,
     .address = 5,
     .type = Type::Float32,
     .unit = "bar"},
    {.name = "ram_position",
     .table = InputRegister,
     .address = 7,
     .type = Type::Float32,
     .order = LowFirst,
     .unit = "mm"},
    {.name = "energy", .table = InputRegister, .address = 9, .type = Type::Uint64, .unit = "Wh"},
    {.name = "cycles_total",
     .table = InputRegister,
     .address = 13,
     .type = Type::Int64,
     .order = LowFirst},
    {.name = "force_balance",
     .table = InputRegister,
     .address = 17,
     .type = Type::Int32,
     .order = LowFirst,
     .unit = "N"},
    {.name = "oil_temperature",
     .table = InputRegister,
     .address = 19,
     .type = Type::Int16,
     .scale = 0.1,
     .unit = "degC"},
    {.name = "oil_flow",
     .table = InputRegister,
     .address = 20,
     .type = Type::Float64,
     .unit = "l/min"},
    {.name = "bed_deflection",
     .table = InputRegister,
     .address = 24,
     .type = Type::Float64,
     .order = LowFirst,
     .unit = "mm"},
    {.name = "target_pressure",
     .table = HoldingRegister,
     .address = 0,
     .type = Type::Uint16,
     .scale = 0.1,
     .unit = "bar",
     .writable = true},
    {.name = "hold_time",
     .table = HoldingRegister,
     .address = 1,
     .type = Type::Uint16,
     .scale = 0.001,
     .unit = "s",
     .writable = true},
    {.name = "batch_limit",
     .table = HoldingRegister,
     .address = 2,
     .type = Type::Uint32,
     .writable = true},
    {.name = "speed_factor",
     .table = HoldingRegister,
     .address = 4,
     .type = Type::Float32,
     .order = LowFirst,
     .writable = true},
    {.name = "offset_trim",
     .table = HoldingRegister,
     .address = 6,
     .type = Type::Int16,
     .unit = "um",
     .writable = true},
};

constexpr double kIdleS = 0.6;
constexpr double kClosingS = 1.2;
constexpr double kOpeningS = 0.9;
constexpr double kRampBarPerS = 150;
constexpr double kRatedBar = 250;

}  // namespace

std::span<const Register> press_registers() { return kRegisters; }

void set_press_defaults(RegisterBank& bank) {
  bank.set("run", 1);
  bank.set("guard_closed", 1);
  bank.set("target_pressure", 180);
  bank.set("hold_time", 1.5);
  bank.set("batch_limit", 100'000);
  bank.set("speed_factor", 1);
  bank.set("offset_trim", -12);
}

void PressModel::move(double seconds, const RegisterBank& bank) {
  const double target = bank.get("target_pressure");
  const double factor = bank.get("speed_factor");
  const double speed = std::isfinite(factor) ? std::clamp(factor, 0.1, 10.0) : 1.0;
  const auto enter = [this](Phase next) {
    phase_ = next;
    in_phase_s_ = 0;
  };
  in_phase_s_ += seconds * speed;
  switch (phase_) {
    case Phase::Idle:
      ram_mm_ = kOpenMm;
      pressure_bar_ = 0;
      if (bank.is_set("run") && in_phase_s_ >= kIdleS) enter(Phase::Closing);
      break;
    case Phase::Closing:
      ram_mm_ = kOpenMm * std::max(0.0, 1 - in_phase_s_ / kClosingS);
      if (in_phase_s_ >= kClosingS) enter(Phase::Pressing);
      break;
    case Phase::Pressing:
      pressure_bar_ = std::min(target, in_phase_s_ * kRampBarPerS);
      if (pressure_bar_ >= target) enter(Phase::Holding);
      break;
    case Phase::Holding:
      pressure_bar_ = target + 0.8 * std::sin(in_phase_s_ * 9);
      energy_wh_ += seconds * target * 0.02;
      if (in_phase_s_ >= bank.get("hold_time")) {
        ++parts_;
        ++cycles_;
        enter(Phase::Opening);
      }
      break;
    case Phase::Opening:
      pressure_bar_ = std::max(0.0, pressure_bar_ - seconds * speed * 600);
      ram_mm_ = kOpenMm * std::min(1.0, in_phase_s_ / kOpeningS);
      if (in_phase_s_ >= kOpeningS) enter(Phase::Idle);
      break;
  }
}

void PressModel::advance(double seconds, RegisterBank& bank) {
  // Long silences are walked through in steps, so that no phase is jumped over; a silence of more
  // than a minute only moves one minute.
  constexpr double kStepS = 0.05;
  for (double left = std::min(seconds, 60.0); left > 0; left -= kStepS) {
    move(std::min(left, kStepS), bank);
  }
  total_s_ += seconds;
  oil_c_ = 46 + 8 * std::sin(total_s_ / 90) + pressure_bar_ * 0.01;
  energy_wh_ += seconds * 1.4;
  bank.set_integer("part_count", parts_);
  bank.set_integer("cycles_total", cycles_);
  bank.set_integer("phase", static_cast<std::int64_t>(phase_));
  bank.set("pressure", pressure_bar_);
  bank.set("ram_position", ram_mm_);
  bank.set("energy", energy_wh_);
  bank.set("force_balance", -1200 + 900 * std::sin(total_s_ * 0.7) - pressure_bar_ * 4);
  bank.set("oil_temperature", oil_c_);
  bank.set("oil_flow", phase_ == Phase::Idle ? 2.5 : 38.25 + 4 * std::sin(total_s_));
  bank.set("bed_deflection", pressure_bar_ * 0.0013);
  bank.set("at_top", ram_mm_ >= kOpenMm - 0.5);
  bank.set("at_bottom", ram_mm_ <= 0.5);
  bank.set("overload", pressure_bar_ > kRatedBar);
}

}  // namespace hubward::plant
