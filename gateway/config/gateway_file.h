// gateway.json as it is written: one struct for each object, and the record that describes it.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "gateway/api/log.h"
#include "gateway/api/outbox.h"
#include "gateway/api/service_tier.h"
#include "gateway/config/record.h"
#include "gateway/config/secret_fields.h"
#include "gateway/config/site_settings.h"
#include "proto/hub/connect.h"

namespace hubward::config {

struct DpsFields {
  std::string host = "global.azure-devices-provisioning.net";
  std::string id_scope;
};

struct EnrollmentFields {
  enum class Type : std::uint8_t { Individual, Group } type = Type::Group;
  std::optional<SecretFields> key;
  std::optional<SecretFields> secondary_key;
};

struct PageFields {
  std::string address = "127.0.0.1:8080";
};

// A rate that is left out follows from the tier.
struct LimitFields {
  Tier tier = Tier::Unknown;
  std::int64_t units = 1;
  std::optional<double> connections_per_second;
  std::optional<double> registrations_per_second;
  std::optional<double> sends_per_second;
  std::optional<double> backlog_sends_per_second;
  std::optional<double> twin_reads_per_second;
  std::optional<double> twin_updates_per_second;
};

struct OutboxFields {
  enum class WhenFull : std::uint8_t { DropOldest, RefuseNew };
  enum class WhenDiskFails : std::uint8_t { Memory, Refuse };
  std::int64_t bytes_max = std::int64_t{1024} * 1024 * 1024;
  std::optional<std::int64_t> age_max_h;
  WhenFull when_full = WhenFull::DropOldest;
  SendOrder order = SendOrder::Strict;
  unsigned fresh_share_percent = 80;
  WhenDiskFails when_disk_fails = WhenDiskFails::Memory;
  std::int64_t memory_bytes_max = std::int64_t{16} * 1024 * 1024;
  std::chrono::milliseconds sync_window{50};
};

struct HubFields {
  std::chrono::seconds token_lifetime{3600};
  std::chrono::seconds keep_alive = hub::kHubKeepAlive;
  std::chrono::seconds retry_pause_max{300};
};

struct BrokerFields {
  mqtt::Version version = mqtt::Version::V311;
  std::string host = "127.0.0.1";
  std::uint16_t port = 1883;
  std::string client_id = "hubward";
  std::string user;
  std::optional<SecretFields> password;
  std::string ca_file;
};

struct OnboardingFields {
  std::string model;
  std::string enrollment;
  OnboardingRule::Approve approve = OnboardingRule::Approve::ByHand;
  std::vector<std::string> approve_names;
  std::size_t devices_max = 100;
};

struct GatewayFile {
  std::string schema;
  std::int64_t version = 1;
  std::string name = "hubward";
  DpsFields dps;
  std::map<std::string, EnrollmentFields> enrollments;
  std::string trusted_roots_file = "/etc/ssl/certs/ca-certificates.crt";
  std::string state_folder = "/var/lib/hubward";
  PageFields page;
  LimitFields limits;
  OutboxFields outbox;
  HubFields hub;
  std::optional<BrokerFields> broker;
  std::map<std::string, OnboardingFields> onboarding;
  LogLevel log_level = LogLevel::Info;
};

[[nodiscard]] const Record<GatewayFile>& gateway_record();

// Of the store as a whole, and of a device in its own file.
[[nodiscard]] Codec<SendOrder> send_order();
[[nodiscard]] Codec<unsigned> fresh_share();

}  // namespace hubward::config
