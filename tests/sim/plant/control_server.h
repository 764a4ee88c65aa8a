// The plant's own HTTP port: tests look at counts and values here and order trouble.
// Endpoints in README.md.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "tests/sim/plant/device.h"

namespace hubward::plant {

class ControlServer {
 public:
  // The devices outlive the server.
  explicit ControlServer(std::span<const std::unique_ptr<Device>> devices);
  ~ControlServer();
  ControlServer(const ControlServer&) = delete;
  ControlServer& operator=(const ControlServer&) = delete;

  // Listens on 127.0.0.1; port 0: any free one. The port, or -1.
  int listen(int port);
  void stop();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

// {"control": "http://127.0.0.1:PORT", "devices": [{"id": ..., "kind": ..., ...}]}
[[nodiscard]] std::string describe_plant(std::span<const std::unique_ptr<Device>> devices,
                                         int control_port);

}  // namespace hubward::plant
