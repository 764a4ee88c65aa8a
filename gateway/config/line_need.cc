#include "gateway/config/line_need.h"

namespace hubward::config {

modbus::BusNeed line_need(const modbus::BusSettings& bus, const modbus::BusTiming& timing) {
  modbus::BusNeed all;
  for (const modbus::DeviceSettings& device : bus.devices) {
    const modbus::BusNeed one = device_need(device, timing);
    all.share += one.share;
    all.requests_a_s += one.requests_a_s;
  }
  return all;
}

}  // namespace hubward::config
