#include "tests/sim/plant/scale_model.h"

#include <array>
#include <cmath>
#include <cstdio>

namespace hubward::plant {

void ScaleModel::advance(double seconds) {
  constexpr double kFillS = 12, kSettleS = 3, kEmptyS = 2, kPauseS = 2, kFullKg = 25;
  in_batch_s_ = std::fmod(in_batch_s_ + seconds, kFillS + kSettleS + kEmptyS + kPauseS);
  double t = in_batch_s_;
  if (t < kFillS) {
    // Coarse flow, then dosing the last tenth slowly.
    weight_kg_ = kFullKg * (t < 9 ? t / 10 : 0.9 + (t - 9) / 30) + 0.04 * std::sin(t * 20);
    stable_ = false;
    return;
  }
  t -= kFillS;
  if (t < kSettleS) {
    weight_kg_ = kFullKg + 0.15 * std::exp(-3 * t) * std::sin(t * 14);
    stable_ = t > 1.5;
    return;
  }
  t -= kSettleS;
  stable_ = t >= kEmptyS;
  weight_kg_ = t < kEmptyS ? kFullKg * (1 - t / kEmptyS) : -0.002;  // an empty pan shows just below
}

std::string ScaleModel::line(std::uint64_t sequence) const {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%s,GS,%c  %07.3fkg,#%08llu", stable_ ? "ST" : "US",
                weight_kg_ < 0 ? '-' : '+', std::abs(weight_kg_),
                static_cast<unsigned long long>(sequence));
  return text.data();
}

}  // namespace hubward::plant
