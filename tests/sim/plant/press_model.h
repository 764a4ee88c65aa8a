// A hydraulic press: closes, builds pressure up to the target, holds it, opens, and counts a part.
// Pure: time is passed in.
#pragma once

#include <span>

#include "tests/sim/plant/register_bank.h"

namespace hubward::plant {

// The press's register map; also printed by GET /registers.
[[nodiscard]] std::span<const Register> press_registers();
// What the plant's own settings are at power-on.
void set_press_defaults(RegisterBank& bank);

class PressModel {
 public:
  enum class Phase { Idle, Closing, Pressing, Holding, Opening };

  // Reads the coil `run` and the settings out of the bank, moves on by `seconds`, and writes the
  // measured values back.
  void advance(double seconds, RegisterBank& bank);

 private:
  void move(double seconds, const RegisterBank& bank);

  Phase phase_ = Phase::Idle;
  double in_phase_s_ = 0;
  double total_s_ = 0;
  double ram_mm_ = kOpenMm;
  double pressure_bar_ = 0;
  double oil_c_ = 31;
  double energy_wh_ = 18'400'000;
  std::int64_t parts_ = 0;
  std::int64_t cycles_ = 5'000'000'000;  // needs more than 32 bits, so that a wrong width shows

  static constexpr double kOpenMm = 400;
};

}  // namespace hubward::plant
