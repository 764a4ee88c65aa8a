#include "gateway/config/gateway_part.h"

#include "gateway/config/addresses.h"
#include "gateway/config/secrets.h"

namespace hubward::config {
namespace {

struct Sources {
  const std::string& folder;
  const FileSource& files;
  const SecretSource& secrets;
  FileReport& report;
};

Enrollment make_enrollment(const EnrollmentFields& fields, const std::string& pointer,
                           const Sources& from) {
  Enrollment enrollment{fields.type, fields.key.has_value(), std::nullopt};
  if (fields.type == EnrollmentFields::Type::Individual) {
    for (const char* key : {"key", "secondary_key"}) {
      if (!(std::string_view(key) == "key" ? fields.key : fields.secondary_key)) continue;
      from.report.error(
          pointer + "/" + key, "individual-key",
          std::string("the key of an individual enrollment belongs to one device; move "
                      "it to \"") +
              key + "\" in that device's file");
    }
    return enrollment;
  }
  if (!fields.key) {
    if (fields.secondary_key) {
      from.report.error(pointer + "/secondary_key", "secondary-key",
                        "there is a secondary key without a key; write it as \"key\"");
    }
    return enrollment;
  }
  const auto load = [&](const SecretFields& secret, const char* key) {
    return resolve_secret(secret, pointer + "/" + key, SecretUse::Base64Key, from.folder,
                          from.secrets, from.report);
  };
  DeviceCredential credential{DeviceCredential::Kind::GroupKey, {}, {}};
  auto primary = load(*fields.key, "key");
  if (fields.secondary_key) {
    if (auto secondary = load(*fields.secondary_key, "secondary_key")) {
      credential.secondary = std::move(*secondary);
    }
  }
  if (primary) {
    credential.primary = std::move(*primary);
    enrollment.group_key = std::move(credential);
    from.report.warning(pointer + "/key", "group-key",
                        "who takes this machine gets the group's key, and with it every device of "
                        "the group; safer: leave it out here and give each device its own derived "
                        "key in its file");
  }
  return enrollment;
}

void read_addresses(const GatewayFile& file, SiteSettings& settings, FileReport& report) {
  if (const auto dps = parse_host_and_port(file.dps.host, 8883)) {
    settings.dps.address = *dps;
  } else {
    report.error("/dps/host", "address",
                 "\"host\" is " + quoted(file.dps.host) +
                     "; it should be a host name, or host:port with a port from 1 to 65535");
  }
  settings.dps.id_scope = file.dps.id_scope;
  const auto page = parse_host_and_port(file.page.address, 0);
  if (!page) {
    report.error("/page/address", "address",
                 "\"address\" is " + quoted(file.page.address) +
                     "; it should be an address and a port from 1 to 65535, such as "
                     "\"127.0.0.1:8080\"");
    return;
  }
  settings.page = *page;
  if (!is_loopback(page->host)) {
    report.warning("/page/address", "page-exposed",
                   "everybody who can reach " + page->host +
                       " can read the page, which has no password yet; \"127.0.0.1:" +
                       std::to_string(page->port) + "\" keeps it on this machine");
  }
}

BrokerSettings make_broker(const BrokerFields& fields, const Sources& from) {
  BrokerSettings broker;
  broker.version = fields.version;
  broker.host = fields.host;
  broker.port = fields.port;
  broker.client_id = fields.client_id;
  broker.user_name = fields.user;
  broker.ca_file = path_from(from.folder, fields.ca_file);
  if (fields.password) {
    if (auto password = resolve_secret(*fields.password, "/broker/password", SecretUse::Password,
                                       from.folder, from.secrets, from.report)) {
      broker.password = std::move(*password);
    }
    // MQTT 3.1.1, section 3.1.2.9: no password without a user name.
    if (fields.user.empty()) {
      from.report.error("/broker/password", "user-missing",
                        "there is a password but no \"user\"; MQTT needs both");
    }
  }
  return broker;
}

OutboxSettings make_outbox(const OutboxFields& fields) {
  OutboxSettings outbox;
  outbox.bytes_max = static_cast<std::uint64_t>(fields.bytes_max);
  if (fields.age_max_h) outbox.age_max = std::chrono::hours{*fields.age_max_h};
  outbox.refuse_when_full = fields.when_full == OutboxFields::WhenFull::RefuseNew;
  outbox.memory_bytes_max = fields.when_disk_fails == OutboxFields::WhenDiskFails::Memory
                                ? static_cast<std::uint64_t>(fields.memory_bytes_max)
                                : 0;
  outbox.sync_window = fields.sync_window;
  return outbox;
}

void check_readable(const std::string& path, const std::string& pointer, const std::string& what,
                    const Sources& from) {
  if (path.empty() || !from.report.clean(pointer) || from.files.readable(path)) return;
  from.report.error(
      pointer, "file-missing",
      what + " " + quoted(path) + " cannot be read; check the path and who may read it");
}

}  // namespace

GatewayPart make_gateway_part(const GatewayFile& file, const std::string& folder,
                              const FileSource& files, const SecretSource& secrets,
                              FileReport& report) {
  const Sources from{folder, files, secrets, report};
  GatewayPart part;
  SiteSettings& settings = part.settings;
  settings.name = file.name;
  read_addresses(file, settings, report);
  settings.trusted_roots_file = path_from(folder, file.trusted_roots_file);
  check_readable(settings.trusted_roots_file, "/trusted_roots_file",
                 "the file of trusted root certificates", from);
  settings.state_folder = path_from(folder, file.state_folder);
  part.tier = report.place("/limits/tier");
  settings.limits = {file.limits.tier,
                     static_cast<std::uint32_t>(file.limits.units),
                     file.limits.connections_per_second,
                     file.limits.registrations_per_second,
                     file.limits.sends_per_second,
                     file.limits.backlog_sends_per_second,
                     file.limits.twin_reads_per_second,
                     file.limits.twin_updates_per_second};
  settings.outbox = make_outbox(file.outbox);
  part.order = file.outbox.order;
  part.fresh_share_percent = file.outbox.fresh_share_percent;
  settings.token_lifetime = file.hub.token_lifetime;
  settings.keep_alive = file.hub.keep_alive;
  settings.retry_pause_max = file.hub.retry_pause_max;
  settings.log_level = file.log_level;
  for (const auto& [name, fields] : file.enrollments) {
    part.enrollments[name] = make_enrollment(fields, "/enrollments" + pointer_step(name), from);
  }
  part.has_broker = !report.clean("/broker");
  if (file.broker) {
    part.has_broker = true;
    settings.broker = make_broker(*file.broker, from);
    check_readable(settings.broker->ca_file, "/broker/ca_file", "the broker's certificate file",
                   from);
  }
  return part;
}

}  // namespace hubward::config
