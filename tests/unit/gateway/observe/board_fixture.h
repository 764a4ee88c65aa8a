// A board with a few devices and short ways to say what happened to them.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "gateway/observe/status_board.h"
#include "tests/support/manual_clock.h"

namespace hubward::observe::test {

using namespace std::chrono_literals;
using hubward::test::ManualClock;

inline DeviceDescription described(std::string id, std::string name, std::size_t tags = 2) {
  DeviceDescription device;
  device.id = std::move(id);
  device.display_name = std::move(name);
  device.kind = "modbus-tcp";
  device.attached_to = "Modbus TCP 10.0.0.5:502, unit 1";
  for (std::size_t i = 0; i < tags; ++i) {
    TagDescription tag;
    tag.name = "tag" + std::to_string(i);
    tag.unit = "bar";
    device.tags.push_back(tag);
  }
  return device;
}

struct BoardFixture {
  explicit BoardFixture(std::size_t devices = 3) : board(site_of(devices), clock) {
    statuses.resize(devices);
    for (std::uint32_t i = 0; i < devices; ++i) {
      statuses[i].device = DeviceIndex{i};
      statuses[i].tags.resize(2);
    }
  }

  static SiteDescription site_of(std::size_t devices) {
    SiteDescription site{"Plant", "1.2.3", {}};
    for (std::size_t i = 0; i < devices; ++i) {
      const std::string number = std::to_string(i + 1);
      site.devices.push_back(described("press-" + number, "Press " + number));
    }
    return site;
  }

  // Online, equipment answers, both tags read, everything acknowledged.
  DeviceStatus& deliver(std::size_t device) {
    DeviceStatus& status = statuses[device];
    status.cloud = CloudState::Online;
    status.cloud_since = clock.wall();
    status.cloud_failure.reset();
    status.next_attempt.reset();
    status.assigned_hub = "hub-a.azure-devices.net";
    status.field = {FieldState::Link::Up, {}, {}};
    status.field_since = clock.wall();
    read(device, 1.5);
    status.outbox.appended += 1;
    status.outbox.delivered += 1;
    status.outbox.waiting = 0;
    status.outbox.oldest_waiting.reset();
    status.last_delivered = clock.wall();
    publish(device);
    return status;
  }

  DeviceStatus& fail(std::size_t device, CloudState state, ErrorCode code,
                     std::optional<std::chrono::seconds> next = {}) {
    DeviceStatus& status = statuses[device];
    status.cloud = state;
    status.cloud_since = clock.wall();
    status.cloud_failure = code;
    if (next) status.next_attempt = clock.wall() + *next;
    publish(device);
    return status;
  }

  DeviceStatus& silence(std::size_t device, ErrorCode code = ErrorCode::NoAnswer) {
    DeviceStatus& status = statuses[device];
    status.field = {FieldState::Link::Down, code, "unit 1: 3 requests without an answer"};
    status.field_since = clock.wall();
    publish(device);
    return status;
  }

  void read(std::size_t device, TagValue value) {
    for (std::uint16_t t = 0; t < 2; ++t) {
      statuses[device].tags[t] = {TagReading{TagIndex{t}, value, Quality::Good, {}}, clock.wall()};
    }
  }

  void publish(std::size_t device) { board.device(statuses[device]); }

  ManualClock clock;
  StatusBoard board;
  std::vector<DeviceStatus> statuses;
};

}  // namespace hubward::observe::test
