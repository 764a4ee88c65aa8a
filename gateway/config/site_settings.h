// Everything the configuration of one site says, checked and ready to use. Made by load_site().
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "adapters/modbus/settings.h"
#include "adapters/mqtt/settings.h"
#include "adapters/serial/settings.h"
#include "gateway/api/broker_link.h"
#include "gateway/api/device_description.h"
#include "gateway/api/log.h"
#include "gateway/api/secret.h"
#include "gateway/api/service_tier.h"
#include "proto/hub/connect.h"

namespace hubward::config {

struct HostAndPort {
  std::string host;  // a name or an address; IPv6 without brackets
  std::uint16_t port = 0;
  friend bool operator==(const HostAndPort&, const HostAndPort&) = default;
};

struct DpsSettings {
  HostAndPort address{"global.azure-devices-provisioning.net", 8883};
  std::string id_scope;
};

// How much of the cloud's limits may be used: a rate that is absent follows from the tier.
struct LimitSettings {
  Tier tier = Tier::Unknown;
  std::uint32_t units = 1;
  std::optional<double> connections_per_second;
  std::optional<double> registrations_per_second;
  std::optional<double> sends_per_second;
  std::optional<double> backlog_sends_per_second;
  std::optional<double> twin_reads_per_second;
  std::optional<double> twin_updates_per_second;
};

struct DeviceOutboxSettings {
  std::optional<std::uint64_t> bytes_max;
  std::optional<std::chrono::hours> age_max;
};

struct OutboxSettings {
  std::uint64_t bytes_max = 1024ULL * 1024 * 1024;
  std::optional<std::chrono::hours> age_max;
  bool refuse_when_full = false;  // instead of dropping the oldest
  // Of what is kept in memory while the disk takes nothing; 0: readings are refused then.
  std::uint64_t memory_bytes_max = 16ULL * 1024 * 1024;
  std::chrono::milliseconds sync_window{50};  // 0: every commit is synced
  // By DeviceIndex. In which order a device's messages are sent stands in its description.
  std::vector<DeviceOutboxSettings> devices;
};

// What one device proves its identity with: base64 text of 16 to 64 bytes, checked.
struct DeviceCredential {
  // DeviceKey signs as it is. From a GroupKey the device's own key is derived first (reference
  // section 1.3); the group key itself is never accepted by the service.
  enum class Kind : std::uint8_t { DeviceKey, GroupKey } kind = Kind::DeviceKey;
  SecretText primary;
  SecretText secondary;  // empty: none. Taken when DPS refuses the primary
};

// MQTT devices that no file knows are of this kind.
struct OnboardingRule {
  enum class Approve : std::uint8_t { ByHand, All };
  std::string name;
  std::string model;
  std::string enrollment;
  Approve approve = Approve::ByHand;
  std::vector<std::string> approve_names;  // with * for any characters
  std::size_t devices_max = 100;
  mqtt::DeviceSettings kind;  // of the model, with some name
};

struct SiteSettings {
  std::string name;  // of the site, for people
  DpsSettings dps;
  std::string trusted_roots_file;
  std::string state_folder;
  HostAndPort page{"127.0.0.1", 8080};
  LimitSettings limits;
  OutboxSettings outbox;
  std::chrono::seconds token_lifetime{3600};
  std::chrono::seconds keep_alive = hub::kHubKeepAlive;
  std::chrono::seconds retry_pause_max{300};  // between two attempts of one device
  LogLevel log_level = LogLevel::Info;

  // By DeviceIndex, which is the order of the device files' names.
  std::vector<DeviceDescription> devices;
  std::vector<DeviceCredential> credentials;

  // How the devices are attached: one entry for each line or endpoint, with all devices behind it.
  std::vector<modbus::BusSettings> modbus_buses;
  std::vector<serial::LineSettings> serial_lines;
  std::vector<mqtt::DeviceSettings> mqtt_devices;
  // Set if gateway.json names a broker; always set if there are MQTT devices. The filters are the
  // adapter's to fill.
  std::optional<BrokerSettings> broker;
  std::vector<OnboardingRule> onboarding;
  std::string folder;  // of the configuration
};

}  // namespace hubward::config
