// A filling scale: a container fills, settles, is emptied, and the next batch begins.
// Pure: time is passed in.
#pragma once

#include <cstdint>
#include <string>

namespace hubward::plant {

class ScaleModel {
 public:
  void advance(double seconds);
  // One line without its end: status (ST stable, US unstable), gross weight, counter:
  //   ST,GS,+  012.345kg,#00000123
  [[nodiscard]] std::string line(std::uint64_t sequence) const;
  [[nodiscard]] double weight_kg() const { return weight_kg_; }
  [[nodiscard]] bool is_stable() const { return stable_; }

 private:
  double in_batch_s_ = 0;
  double weight_kg_ = 0;
  bool stable_ = true;
};

}  // namespace hubward::plant
