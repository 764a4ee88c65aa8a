#include "gateway/config/gateway_file.h"

#include "gateway/config/site.h"

namespace hubward::config {
namespace {

Codec<DpsFields> dps() {
  Record<DpsFields> r("dps", "the Device Provisioning Service");
  r.optional("host", &DpsFields::host, text(1, 255, "^[^ /]+$", "a host name, or host:port"),
             "the host of the provisioning service, with :port if it is not 8883");
  r.required("id_scope", &DpsFields::id_scope,
             text(1, 64, "^[A-Za-z0-9_-]+$", "an ID scope such as \"0ne00AB12CD\""),
             "the ID scope shown in the Azure portal or under Permissions in IoT Central");
  return r.codec();
}

Codec<EnrollmentFields> enrollment() {
  Record<EnrollmentFields> r("enrollment", "an enrollment of the provisioning service");
  r.required("type", &EnrollmentFields::type,
             choice<EnrollmentFields::Type>({{"group", EnrollmentFields::Type::Group},
                                             {"individual", EnrollmentFields::Type::Individual}}),
             "\"group\" for many devices that share one enrollment, \"individual\" for one");
  r.optional("key", &EnrollmentFields::key, secret_record().codec(),
             "the group's primary key, from which each device's key is derived; better left out, "
             "with each device's own derived key in its file");
  r.optional("secondary_key", &EnrollmentFields::secondary_key, secret_record().codec(),
             "the group's secondary key, tried when the primary is refused");
  return r.codec();
}

Codec<PageFields> page() {
  Record<PageFields> r("page", "the local page");
  r.optional(
      "address", &PageFields::address,
      text(3, 255, "^[^ /]+:[0-9]{1,5}$", "an address and a port such as \"127.0.0.1:8080\""),
      "the address and port the page listens on; it has no password yet, so keep it on this "
      "machine");
  return r.codec();
}

Codec<LimitFields> limits() {
  Record<LimitFields> r("limits", "how much of the cloud's limits all devices together may use");
  std::vector<std::pair<std::string, Tier>> tiers;
  for (const auto& row : kTiers) tiers.emplace_back(row.name, row.tier);
  r.optional("tier", &LimitFields::tier, choice<Tier>(std::move(tiers)),
             "the tier of the hub, or IoT Central; the rates below follow from it, at 80 % of what "
             "Microsoft publishes, and hubward check compares the site's messages with its quota");
  r.optional("units", &LimitFields::units, integer(1, 200), "how many units of the tier there are");
  // The most that any tier offers is 6,000 a second and unit.
  r.optional("connections_per_second", &LimitFields::connections_per_second, number(0.01, 10000),
             "the most logins a second at one hub; 20 without a tier");
  r.optional("registrations_per_second", &LimitFields::registrations_per_second, number(0.01, 100),
             "the most registrations a second at the provisioning service; 2 without a tier");
  r.optional("sends_per_second", &LimitFields::sends_per_second, number(0, 1000000),
             "the most messages a second to one hub; 0 is unlimited, as without a tier");
  r.optional("backlog_sends_per_second", &LimitFields::backlog_sends_per_second, number(0, 1000000),
             "how many of them may be stored messages of earlier; half of them with a tier, 0 is "
             "unlimited");
  r.optional("twin_reads_per_second", &LimitFields::twin_reads_per_second, number(0, 100000),
             "the most requests for properties a second to one hub; 0 is unlimited");
  r.optional("twin_updates_per_second", &LimitFields::twin_updates_per_second, number(0, 100000),
             "the most reports of properties a second to one hub; 0 is unlimited");
  return r.codec();
}

}  // namespace

Codec<SendOrder> send_order() {
  return choice<SendOrder>({{"strict", SendOrder::Strict}, {"fresh_first", SendOrder::FreshFirst}});
}

Codec<unsigned> fresh_share() { return integer_as<unsigned>(1, 99); }

namespace {

Codec<OutboxFields> outbox() {
  Record<OutboxFields> r("outbox", "the store on disk that keeps readings until the hub has them");
  r.optional("bytes_max", &OutboxFields::bytes_max,
             integer(std::int64_t{1} << 20, std::int64_t{1} << 40),
             "the most bytes of readings it keeps, those of all devices together");
  // Ten years: longer than a gateway's disk lives.
  r.optional("age_max_h", &OutboxFields::age_max_h, integer(1, 87600),
             "the most hours a reading is kept; older ones are dropped and counted, alarms too; "
             "left out, there is no such limit");
  r.optional("when_full", &OutboxFields::when_full,
             choice<OutboxFields::WhenFull>({{"drop_oldest", OutboxFields::WhenFull::DropOldest},
                                             {"refuse_new", OutboxFields::WhenFull::RefuseNew}}),
             "\"drop_oldest\" makes room for new readings, of low priority first and of alarms "
             "last; \"refuse_new\" keeps what is there; both are counted");
  r.optional("order", &OutboxFields::order, send_order(),
             "how a device's readings are sent after an outage: \"strict\" in the order in which "
             "they came, \"fresh_first\" mostly new ones, and old ones beside them");
  r.optional("fresh_share_percent", &OutboxFields::fresh_share_percent, fresh_share(),
             "with \"fresh_first\": how many of 100 readings sent are new ones while old ones "
             "wait");
  r.optional("when_disk_fails", &OutboxFields::when_disk_fails,
             choice<OutboxFields::WhenDiskFails>({{"memory", OutboxFields::WhenDiskFails::Memory},
                                                  {"refuse", OutboxFields::WhenDiskFails::Refuse}}),
             "what becomes of new readings while the disk is full or fails: \"memory\" keeps them "
             "until it works again, and loses them with the power; \"refuse\" takes none");
  r.optional("memory_bytes_max", &OutboxFields::memory_bytes_max,
             integer(std::int64_t{1} << 16, std::int64_t{1} << 32),
             "the most bytes of readings kept in memory while the disk takes none");
  r.optional("sync_window_ms", &OutboxFields::sync_window, milliseconds(0, 10000),
             "the longest time a power cut can take back; 0 syncs every reading, and is slow");
  return r.codec();
}

Codec<HubFields> hub() {
  Record<HubFields> r("hub", "the connections to the hubs");
  // Less than 10 s would renew all the time; a day is the longest that is still short-lived.
  r.optional("token_lifetime_s", &HubFields::token_lifetime, seconds(10, 86400),
             "how long a device's access token is valid; it is renewed before that");
  // The hub closes after 1.5 times 1177 s at the latest: reference section 3.3.
  r.optional("keep_alive_s", &HubFields::keep_alive, seconds(5, 1177),
             "the longest silence on a connection before it is tested");
  // Below 5 s the growing pauses would not grow; above an hour a device looks given up.
  r.optional("retry_pause_max_s", &HubFields::retry_pause_max, seconds(5, 3600),
             "the longest pause between two attempts of a device to connect; pauses grow up to it, "
             "and are drawn by lot so that devices do not come back all at once");
  return r.codec();
}

Codec<BrokerFields> broker() {
  Record<BrokerFields> r("broker", "the local MQTT broker that MQTT devices publish to");
  r.optional("host", &BrokerFields::host, text(1, 255, "^[^ /]+$", "a host name or address"),
             "the broker's name or address");
  // Every broker speaks 3.1.1; what 5 has more must be wanted.
  r.optional("version", &BrokerFields::version,
             choice<mqtt::Version>({{"3.1.1", mqtt::Version::V311}, {"5", mqtt::Version::V5}}),
             "which MQTT to speak with it: \"5\" has reasons for what it refuses, commands that "
             "expire, and requests with their answers; not every broker knows it");
  r.optional("port", &BrokerFields::port, integer_as<std::uint16_t>(1, 65535), "the broker's port");
  // MQTT 3.1.1 section 3.1.3.1: 23 letters and digits work everywhere; Mosquitto takes more.
  r.optional("client_id", &BrokerFields::client_id,
             text(1, 64, "^[A-Za-z0-9_-]+$", "letters, digits, - and _"),
             "the fixed name under which the broker keeps messages for this gateway");
  r.optional("user", &BrokerFields::user, text(0, 255, "text"), "the user name at the broker");
  r.optional("password", &BrokerFields::password, secret_record().codec(),
             "the password at the broker");
  r.optional("ca_file", &BrokerFields::ca_file, text(0, 4096, "a path"),
             "the file with the certificate that signed the broker's; with it the connection uses "
             "TLS");
  return r.codec();
}

Codec<OnboardingFields> onboarding() {
  using Approve = OnboardingRule::Approve;
  Record<OnboardingFields> r("onboarding",
                             "what becomes of MQTT devices that are seen for the first time");
  r.required("model", &OnboardingFields::model,
             text(1, 64, "^[A-Za-z0-9][A-Za-z0-9_.-]*$", "the name of a device model"),
             "the device model they are of; its topic has {device} in it, and what stands there is "
             "the new device's name");
  r.required("enrollment", &OnboardingFields::enrollment, text(1, 64, "the name of an enrollment"),
             "the enrollment group, with its key, that gives them their identity");
  r.optional("approve", &OnboardingFields::approve,
             choice<Approve>({{"by_hand", Approve::ByHand}, {"all", Approve::All}}),
             "\"by_hand\": each waits until somebody says hubward onboard approve; \"all\": none "
             "waits");
  r.optional("approve_names", &OnboardingFields::approve_names,
             list_of(text(1, 255, "a name, with * for any characters"), 1, 64),
             "with \"by_hand\": these do not wait, e.g. [\"sensor-*\"]");
  r.optional("devices_max", &OnboardingFields::devices_max, integer_as<std::size_t>(0, 10000),
             "how many devices of this model there may be before new ones wait in any case");
  return r.codec();
}

}  // namespace

const Record<GatewayFile>& gateway_record() {
  static const Record<GatewayFile> record = [] {
    Record<GatewayFile> r("gateway", "the gateway's own settings");
    r.optional("$schema", &GatewayFile::schema, text(0, 4096, "text"),
               "the path of the schema, for editors");
    r.required("version", &GatewayFile::version, integer(1, 1), "1, the version of this format");
    r.optional("name", &GatewayFile::name, text(1, 128, "1 to 128 characters"),
               "the site's name, shown at the top of the page");
    r.required("dps", &GatewayFile::dps, dps(), "the provisioning service");
    // Microsoft allows 100 groups of each kind in one service.
    r.required("enrollments", &GatewayFile::enrollments,
               map_of(enrollment(), 1, 1000, "^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$",
                      "1 to 64 letters, digits, dots, dashes"),
               "the enrollments, by a name of your own to which the devices' files refer");
    r.optional("trusted_roots_file", &GatewayFile::trusted_roots_file, text(1, 4096, "a path"),
               "the file with the root certificates that hubs are trusted by");
    r.optional("state_folder", &GatewayFile::state_folder, text(1, 4096, "a path"),
               "the folder for stored readings and assignments");
    r.optional("page", &GatewayFile::page, page(), "the local page");
    r.optional("limits", &GatewayFile::limits, limits(),
               "how much of the cloud's limits all devices together may use");
    r.optional("outbox", &GatewayFile::outbox, outbox(),
               "the store on disk that keeps readings until the hub has them");
    r.optional("hub", &GatewayFile::hub, hub(), "the connections to the hubs");
    r.optional("broker", &GatewayFile::broker, broker(),
               "the local MQTT broker; needed if there are MQTT devices");
    r.optional("onboarding", &GatewayFile::onboarding,
               map_of(onboarding(), 1, 100, "^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$",
                      "1 to 64 letters, digits, dots, dashes"),
               "rules for MQTT devices that no file knows, by a name of your own");
    r.optional("log_level", &GatewayFile::log_level,
               choice<LogLevel>({{"debug", LogLevel::Debug},
                                 {"info", LogLevel::Info},
                                 {"warn", LogLevel::Warn},
                                 {"error", LogLevel::Error}}),
               "the least important kind of line that is logged");
    return r;
  }();
  return record;
}

}  // namespace hubward::config
