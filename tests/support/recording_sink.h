// Keeps what an adapter hands up. The test says when, and whether, a batch became durable.
#pragma once

#include <utility>
#include <vector>

#include "gateway/api/southbound.h"

namespace hubward::test {

class RecordingSink final : public ReadingSink {
 public:
  struct Delivery {
    ReadingBatch batch;
    Stored stored;  // may be empty
  };
  struct State {
    DeviceIndex device;
    FieldState state;
  };

  void deliver(ReadingBatch batch, Stored stored) override {
    deliveries.push_back({std::move(batch), std::move(stored)});
  }
  void field_state(DeviceIndex device, FieldState state) override {
    states.push_back({device, std::move(state)});
  }
  void bad_input(BadInput input) override { bad.push_back(std::move(input)); }

  std::vector<Delivery> deliveries;
  std::vector<State> states;
  std::vector<BadInput> bad;
};

}  // namespace hubward::test
