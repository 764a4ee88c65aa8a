#pragma once

#include <memory>
#include <vector>

#include "tests/sim/plant/modbus_device.h"

namespace hubward::plant {

// A Modbus TCP server on one port, all peers on one thread as small controllers do it: a delayed
// answer to one peer delays the others.
class ModbusTcpDevice final : public ModbusDevice {
 public:
  // Port 0: any free port. Listens at once; check listening().
  ModbusTcpDevice(ModbusProfile profile, const std::string& address, std::uint16_t port);
  ~ModbusTcpDevice() override;

  [[nodiscard]] bool listening() const { return listener_ >= 0; }
  void describe(json::Writer& writer) const override;
  Status send(const json::Value& order) override;
  void shut_down() override;

 private:
  static constexpr std::size_t kPeersMax = 32;

  void run(const std::stop_token& stop);
  void accept_peer();
  void drop_peer(std::size_t place);
  bool open_listener();
  void close_listener();

  std::string address_;
  std::uint16_t port_;
  int listener_ = -1;  // of the thread, once it runs
  std::vector<std::unique_ptr<Peer>> peers_;
  std::jthread thread_;
};

}  // namespace hubward::plant
