// Somebody else who has a device's key and speaks for it, and comes back whenever he is thrown out.
#pragma once

#include <string>

#include "tests/sim/cloud/signature.h"
#include "tests/sim/simulation/simulated_network.h"

namespace hubward::simulation {

class SecondHolder final : public Stranger {
 public:
  SecondHolder(simcloud::CloudModel& cloud, SimulatedNetwork& network, std::string device,
               simcloud::Key key);
  ~SecondHolder() override;
  SecondHolder(const SecondHolder&) = delete;
  SecondHolder& operator=(const SecondHolder&) = delete;

  void on_output(simcloud::Output output) override;

 private:
  void connect();
  void come_back();

  simcloud::CloudModel& cloud_;
  SimulatedNetwork& network_;
  const std::string device_;
  const simcloud::Key key_;
  simcloud::ConnectionId connection_ = 0;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // watched by timers of the world
};

}  // namespace hubward::simulation
