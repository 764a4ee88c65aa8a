#pragma once

#include <functional>

namespace hubward {

// Where writes may wait: in an adapter for the line, or for a device that does not answer; in a
// device for a port that is not open yet.
class QueuesWrites {
 public:
  virtual ~QueuesWrites() = default;
  // Maintenance has begun: what has not been put on the line is answered with WritesPaused and
  // never written. What is under way ends as it would have, and pulses end. On its loop.
  virtual void withdraw_writes() = 0;
  // hubward will stop: no command is begun any more, and what must not stay as it is (a pulse) is
  // ended now. `done` runs on the loop, when nothing of that is left: mostly later, perhaps never,
  // where the equipment does not answer. stop() follows.
  virtual void wind_down(std::function<void()> done) = 0;
};

}  // namespace hubward
