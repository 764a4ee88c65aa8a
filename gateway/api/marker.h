#pragma once

#include <functional>

#include "proto/result.h"

namespace hubward {

// Something that stands on disk or does not, and is believed over a restart and a power cut. On the
// loop; `done` runs there, later. What was asked for first is done first.
class Marker {
 public:
  virtual ~Marker() = default;
  // As it was when the process started. What cannot be looked at counts as standing.
  [[nodiscard]] virtual bool stood() const = 0;
  virtual void put(std::function<void(const Status&)> done) = 0;
  // Fine also where there is none.
  virtual void clear(std::function<void(const Status&)> done) = 0;
};

}  // namespace hubward
