// The control calls of CloudModel: enrollments, identities, failovers, faults.
#include <algorithm>

#include "tests/sim/cloud/model.h"

namespace hubward::simcloud {
namespace {

tl::unexpected<Error> unknown(std::string_view what, std::string_view name) {
  return failure(ErrorCode::Malformed, ErrorKind::Permanent,
                 "no " + std::string(what) + " \"" + std::string(name) + "\"");
}

tl::unexpected<Error> wrong(std::string why) {
  return failure(ErrorCode::Malformed, ErrorKind::Permanent, std::move(why));
}

}  // namespace

// An enrollment that is there already is changed: its keys, hubs, policy and polls.
Status CloudModel::enroll(Enrollment given, Now now) {
  if (given.name.empty()) return wrong("an enrollment needs a name");
  if (given.keys.empty()) return wrong("an enrollment needs a key");
  if (given.hubs.empty()) return wrong("an enrollment needs a hub");
  for (const Place hub : given.hubs) {
    if (hub == kDps || hub >= world_.places.size()) return wrong("no such hub");
  }
  const auto found = std::find_if(
      world_.enrollments.begin(), world_.enrollments.end(),
      [&](const auto& one) { return one->name == given.name && one->group == given.group; });
  const bool is_new = found == world_.enrollments.end();
  if (is_new) world_.enrollments.push_back(std::make_unique<Enrollment>());
  Enrollment& enrollment = is_new ? *world_.enrollments.back() : **found;
  enrollment = std::move(given);
  if (enrollment.group) {
    for (auto& [id, device] : world_.devices) {
      if (device->enrollment != &enrollment) continue;
      device->keys.clear();
      for (const Key& key : enrollment.keys) {
        device->keys.push_back(derive_device_key(key, device->registration_id));
      }
      device->home = enrollment.hubs[enrollment.next_hub++ % enrollment.hubs.size()];
    }
    return {};
  }
  if (enrollment.device_id.empty()) enrollment.device_id = enrollment.name;
  auto& device = world_.devices[enrollment.device_id];
  if (device == nullptr) {
    device = std::make_unique<Device>();
    device->id = enrollment.device_id;
    device->created = world_.cloud_time(now);
    if (!enrollment.desired.empty()) {
      if (auto version = device->twin.patch_desired(enrollment.desired); !version) {
        world_.devices.erase(enrollment.device_id);
        world_.enrollments.pop_back();
        return tl::unexpected(version.error());
      }
    }
  }
  device->registration_id = enrollment.name;
  device->enrollment = &enrollment;
  device->keys = enrollment.keys;
  device->home = enrollment.hubs.front();
  if (enrollment.assigned && !device->hub) device->hub = device->home;
  world_.devices_by_registration[enrollment.name] = device.get();
  return {};
}

Status CloudModel::disable_enrollment(std::string_view name, bool disabled) {
  for (auto& enrollment : world_.enrollments) {
    if (enrollment->name != name) continue;
    enrollment->disabled = disabled;
    return {};
  }
  return unknown("enrollment", name);
}

Status CloudModel::drop(std::string_view id, Now now) {
  Device* device = world_.find_device(id);
  if (device == nullptr) return unknown("device", id);
  drop_identity(*device, "dropped", now);
  return {};
}

Status CloudModel::disable(std::string_view id, bool until_registered, Now now) {
  Device* device = world_.find_device(id);
  if (device == nullptr) return unknown("device", id);
  device->disabled = true;
  device->enabled_by_registering = until_registered;
  drop_identity(*device, "disabled", now);
  return {};
}

Status CloudModel::enable(std::string_view id) {
  Device* device = world_.find_device(id);
  if (device == nullptr) return unknown("device", id);
  device->disabled = device->enabled_by_registering = false;
  return {};
}

Status CloudModel::remove_identity(std::string_view id, Now now) {
  Device* device = world_.find_device(id);
  if (device == nullptr) return unknown("device", id);
  drop_identity(*device, "deleted", now);
  device->hub.reset();
  device->former_hub.reset();
  device->was_deleted = true;
  device->session_kept = false;
  device->subscriptions.clear();
  device->c2d.clear();
  device->twin = Twin();
  return {};
}

Status CloudModel::block(std::string_view id, bool blocked, Now now) {
  Device* device = world_.find_device(id);
  if (device == nullptr) return unknown("device", id);
  device->blocked = blocked;
  if (blocked) drop_identity(*device, "blocked", now);
  return {};
}

// Ends the device's connection, if there is one.
void CloudModel::drop_identity(Device& device, std::string reason, Now now) {
  if (device.connection) {
    if (Connection* open = world_.find_open(*device.connection)) {
      world_.close(*open, std::move(reason), now);
    }
  }
  world_.forget_closed();
}

Status CloudModel::fail_over(std::string_view id, Place to,
                             std::optional<std::chrono::milliseconds> time_to_live, Now now) {
  Device* device = world_.find_device(id);
  if (device == nullptr) return unknown("device", id);
  if (to == kDps || to >= world_.places.size()) return wrong("no such hub to fail over to");
  if (device->hub == to) return wrong("the device is on that hub already");
  device->failover = Failover{.to = to, .number = ++device->failovers};
  drop_identity(*device, "failed over", now);
  if (device->hub) device->former_hub = device->hub;
  device->hub.reset();
  if (time_to_live) {
    world_.at(now.steady + *time_to_live,
              [this, device, number = device->failover->number](Now later) {
                if (device->failover && device->failover->number == number) {
                  end_failover(*device, later);
                }
              });
  }
  return {};
}

void CloudModel::end_failover(Device& device, Now now) {
  device.failover.reset();
  if (device.hub == device.home) return;
  drop_identity(device, "failed back", now);
  if (device.hub) device.former_hub = device.hub;
  device.hub.reset();
}

std::size_t CloudModel::fail_over_hub(Place from, std::optional<Place> to,
                                      std::optional<std::chrono::milliseconds> time_to_live,
                                      Now now) {
  const std::size_t hubs = world_.places.size() - 1;
  const Place next = to.value_or(from % hubs + 1);
  std::size_t moved = 0;
  for (auto& [id, device] : world_.devices) {
    const Place at = device->hub.value_or(device->failover ? device->failover->to : device->home);
    if (at == from && fail_over(id, next, time_to_live, now)) ++moved;
  }
  return moved;
}

std::uint64_t CloudModel::add_fault(Fault fault, Now now) {
  const std::uint64_t id = world_.faults.add(std::move(fault));
  apply_faults(now);
  return id;
}

bool CloudModel::remove_fault(std::uint64_t id, Now now) {
  const bool removed = world_.faults.remove(id);
  apply_faults(now);
  return removed;
}

void CloudModel::clear_faults(Now now) {
  world_.faults.clear();
  apply_faults(now);
}

// A place that went down loses its connections; one that speaks again closes those whose packets
// it had dropped, because a stream with a hole in it cannot go on.
void CloudModel::apply_faults(Now now) {
  for (auto& [id, connection] : world_.connections) {
    if (!is_up(connection.place)) {
      world_.close(connection, "down", now);
    } else if (connection.missed && !is_silent(connection.place)) {
      world_.close(connection, "was silent", now);
    }
  }
  world_.forget_closed();
}

}  // namespace hubward::simcloud
