#include "gateway/device/roster.h"

#include <utility>

namespace hubward::device {

void DeviceRoster::start() {
  for (const auto& device : devices_) device->start();
}

void DeviceRoster::stop(std::function<void()> done) {
  stopping_ = devices_.size();
  if (stopping_ == 0) return done();
  // Shared by the answers of all devices.
  const auto last = std::make_shared<std::function<void()>>(std::move(done));
  for (const auto& device : devices_) {
    device->attach(nullptr);
    device->stop([this, last] {
      if (--stopping_ == 0) (*last)();
    });
  }
}

void DeviceRoster::on_clock(const ClockNews& news) {
  for (const auto& device : devices_) device->on_clock(news);
}

void DeviceRoster::deliver(ReadingBatch batch, Stored stored) {
  if (batch.device.value >= devices_.size()) {
    if (stored) stored(failure(ErrorCode::Malformed, ErrorKind::Permanent, "no such device"));
    return;
  }
  devices_[batch.device.value]->on_batch(batch, std::move(stored));
}

void DeviceRoster::field_state(DeviceIndex device, FieldState state) {
  if (device.value < devices_.size()) devices_[device.value]->on_field_state(std::move(state));
}

void DeviceRoster::bad_input(BadInput input) {
  status_.bad_input(input);
  if (input.device && input.device->value < devices_.size()) {
    devices_[input.device->value]->on_bad_input(input);
  }
}

void DeviceRoster::on_counts_changed(const std::vector<DeviceIndex>& devices) {
  for (const DeviceIndex device : devices) {
    if (device.value < devices_.size()) devices_[device.value]->on_counts_changed();
  }
}

void DeviceRoster::on_rows_found() {
  for (const auto& device : devices_) device->on_rows_found();
}

void DeviceRoster::withdraw_writes() {
  for (const auto& device : devices_) device->on_writes_paused();
}

}  // namespace hubward::device
