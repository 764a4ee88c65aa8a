#include "gateway/resilience/eviction_watch.h"

namespace hubward::resilience {

bool EvictionWatch::on_thrown_out(bool worked, bool alone, SteadyTime now) {
  if (!worked || !alone || (in_a_row_ > 0 && now - last_ > kWithin)) in_a_row_ = 0;
  last_ = now;
  if (worked && alone) ++in_a_row_;
  return in_a_row_ >= kInARow;
}

}  // namespace hubward::resilience
