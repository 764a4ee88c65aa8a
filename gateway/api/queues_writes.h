#pragma once

namespace hubward {

// An adapter whose commands may wait: for the line, or for a device that does not answer.
class QueuesWrites {
 public:
  virtual ~QueuesWrites() = default;
  // Maintenance has begun: what has not been put on the line is answered with WritesPaused and
  // never written. What is under way ends as it would have, and pulses end. On the adapter's loop.
  virtual void withdraw_writes() = 0;
};

}  // namespace hubward
