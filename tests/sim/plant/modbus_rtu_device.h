#pragma once

#include "tests/sim/plant/modbus_device.h"
#include "tests/sim/plant/pty.h"

namespace hubward::plant {

// A Modbus RTU server on a pseudo-terminal.
class ModbusRtuDevice final : public ModbusDevice {
 public:
  ModbusRtuDevice(ModbusProfile profile, std::filesystem::path link);
  ~ModbusRtuDevice() override;

  void describe(json::Writer& writer) const override;
  // {"hex": "..."}: bytes on the line that nobody asked for.
  Status send(const json::Value& order) override;
  Status plug(bool in) override;
  void shut_down() override;

 private:
  void heard_another(Peer& peer) override;
  void run(const std::stop_token& stop);
  void close_line(Peer& peer, bool has_successor);

  mutable std::mutex line_mutex_;  // guards pty_ against send() and plug()
  Pty pty_;
  std::jthread thread_;
};

}  // namespace hubward::plant
