#include "gateway/config/line_need.h"

namespace hubward::config {

std::vector<modbus::PolledItem> polled_items(const modbus::DeviceSettings& device) {
  std::vector<modbus::PolledItem> items;
  items.reserve(device.tags.size());
  for (const modbus::TagSettings& tag : device.tags) {
    items.push_back({{tag.table, tag.address, modbus::width(tag)}, tag.interval});
  }
  return items;
}

modbus::BusNeed device_need(const modbus::DeviceSettings& device, const modbus::BusTiming& timing) {
  return modbus::bus_need(polled_items(device), modbus::read_limits(device.limits, timing), timing);
}

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
