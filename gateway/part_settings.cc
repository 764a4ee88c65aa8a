#include "gateway/part_settings.h"

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <utility>

#include "gateway/platform/system_random.h"
#include "gateway/version.h"

namespace hubward {
namespace {

std::uint64_t random_64_bits() {
  return std::strtoull(platform::random_hex(8).c_str(), nullptr, 16);
}

}  // namespace

std::uint64_t machine_boot_id() {
  std::ifstream file("/proc/sys/kernel/random/boot_id");
  std::string text;
  std::getline(file, text);
  std::erase(text, '-');
  return std::strtoull(text.substr(0, 16).c_str(), nullptr, 16);
}

device::CloudSettings cloud_settings(const config::SiteSettings& site) {
  device::CloudSettings settings;
  settings.dps_host = site.dps.address.host;
  settings.dps_port = site.dps.address.port;
  settings.id_scope = site.dps.id_scope;
  settings.agent = std::string("hubward/") + kVersion;
  settings.keep_alive = site.keep_alive;
  settings.token_life = site.token_lifetime;
  settings.recovery.backoff.max = site.retry_pause_max;
  return settings;
}

resilience::Limits limits_of(const config::SiteSettings& site) {
  const config::LimitSettings& settings = site.limits;
  resilience::Limits limits = resilience::limits_for(settings.tier, settings.units);
  const auto take = [&limits](const std::optional<double>& rate, double& into) {
    if (!rate) return;
    into = *rate;
    limits.make_up_seconds = 0;  // who names a rate means each second
  };
  take(settings.connections_per_second, limits.connections_per_second);
  take(settings.registrations_per_second, limits.registrations_per_second);
  take(settings.sends_per_second, limits.sends_per_second);
  take(settings.backlog_sends_per_second, limits.backlog_sends_per_second);
  take(settings.twin_reads_per_second, limits.twin_reads_per_second);
  take(settings.twin_updates_per_second, limits.twin_updates_per_second);
  limits.look_pause_max =
      std::min<std::chrono::milliseconds>(limits.look_pause_max, site.retry_pause_max);
  limits.dps_look_pause_max =
      std::min<std::chrono::milliseconds>(limits.dps_look_pause_max, site.retry_pause_max);
  return limits;
}

outbox::WriterOptions outbox_options(const config::SiteSettings& site, std::string path, Log& log) {
  outbox::WriterOptions options;
  options.store.path = std::move(path);
  outbox::StoreLimits& limits = options.store.limits;
  limits.bytes_max = site.outbox.bytes_max;
  limits.age_max = site.outbox.age_max;
  if (site.outbox.refuse_when_full) limits.when_full = outbox::StoreLimits::WhenFull::RefuseNew;
  limits.memory_bytes_max = site.outbox.memory_bytes_max;
  for (std::size_t i = 0; i < site.devices.size(); ++i) {
    const auto& [bytes_max, age_max] = site.outbox.devices[i];
    if (bytes_max || age_max) limits.devices[site.devices[i].id] = {bytes_max, age_max};
  }
  options.store.boot_id = machine_boot_id();
  options.store.epoch_bits = random_64_bits;
  options.sync_window = site.outbox.sync_window;
  options.log = &log;
  return options;
}

}  // namespace hubward
