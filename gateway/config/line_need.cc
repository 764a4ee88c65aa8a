#include "gateway/config/line_need.h"

#include "adapters/serial/line_need.h"

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

std::optional<double> least_polling_share(const serial::LineSettings& line) {
  const auto byte = serial::byte_time(line);
  if (!byte) return std::nullopt;
  using Seconds = std::chrono::duration<double>;
  double share = 0;
  for (const serial::DeviceSettings& device : line.devices) {
    for (std::size_t i = 0; i < device.requests.size(); ++i) {
      share += Seconds(least_exchange(device, i, *byte)) / Seconds(device.requests[i].interval);
    }
  }
  if (share == 0) return std::nullopt;
  return share;
}

}  // namespace hubward::config
