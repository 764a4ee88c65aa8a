// Tells that a second client uses the same identity: the hub lets in whoever came last and throws
// the other one out, without a word (reference section 3.9).
#pragma once

#include <chrono>

#include "proto/time.h"

namespace hubward::resilience {

// One per device; pure.
class EvictionWatch {
 public:
  // So many sessions in a row, each ended soon after its login and not longer ago than this.
  static constexpr unsigned kInARow = 3;
  static constexpr std::chrono::minutes kWithin{20};

  // A session ended soon after its login, without our doing. `worked`: the hub had acknowledged
  // something in it, so it was neither refused nor ended by a message of ours. `alone`: no other
  // device's session with this hub was ended so, which a hub that is at fault would do. True: it
  // is a second holder.
  bool on_thrown_out(bool worked, bool alone, SteadyTime now);
  // A session that lasted, or an end for another reason.
  void reset() { in_a_row_ = 0; }

 private:
  unsigned in_a_row_ = 0;
  SteadyTime last_{};
};

}  // namespace hubward::resilience
