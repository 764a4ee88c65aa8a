// An energy meter of a small factory: a day of load in ten minutes, with a solar roof that feeds
// back at noon. Pure: time is passed in.
#pragma once

#include <span>

#include "tests/sim/plant/register_bank.h"

namespace hubward::plant {

[[nodiscard]] std::span<const Register> meter_registers();
void set_meter_defaults(RegisterBank& bank);

class MeterModel {
 public:
  void advance(double seconds, RegisterBank& bank);

 private:
  double total_s_ = 200;                // it is morning
  double import_wh_ = 7'300'000'000.0;  // needs more than 32 bits
  double export_wh_ = 12'000'000;
};

}  // namespace hubward::plant
