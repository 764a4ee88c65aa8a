#include "gateway/config/device_part.h"

#include <array>
#include <set>
#include <utility>

#include "gateway/config/attach_part.h"
#include "gateway/config/secrets.h"
#include "gateway/config/suggest.h"

namespace hubward::config {
namespace {

// Reference section 4.2: what IoT Hub and IoT Central keep for themselves.
constexpr std::array<std::string_view, 5> kReservedNames{
    "EventEnqueuedUtcTime", "EventProcessedUtcTime", "PartitionId", "EventHub", "User"};

DeviceCredential make_credential(const DeviceFile& file, const std::string& folder,
                                 const SecretSource& secrets, FileReport& report) {
  DeviceCredential credential{DeviceCredential::Kind::DeviceKey, {}, {}};
  if (auto key = resolve_secret(*file.key, "/key", SecretUse::Base64Key, folder, secrets, report)) {
    credential.primary = std::move(*key);
  }
  if (file.secondary_key) {
    if (auto key = resolve_secret(*file.secondary_key, "/secondary_key", SecretUse::Base64Key,
                                  folder, secrets, report)) {
      credential.secondary = std::move(*key);
    }
  }
  return credential;
}

DeviceCredential find_credential(const DeviceFile& file, const GatewayPart* gateway,
                                 const std::string& folder, const SecretSource& secrets,
                                 FileReport& report) {
  if (file.secondary_key && !file.key && report.clean("/key")) {
    report.error("/secondary_key", "secondary-key",
                 "there is a secondary key without a key; write it as \"key\"");
  }
  if (file.key) return make_credential(file, folder, secrets, report);
  if (gateway == nullptr || !report.clean("/enrollment") || !report.clean("/key")) return {};
  const auto found = gateway->enrollments.find(file.enrollment);
  if (found == gateway->enrollments.end()) return {};
  const Enrollment& enrollment = found->second;
  if (enrollment.group_key) return *enrollment.group_key;
  if (enrollment.type == EnrollmentFields::Type::Individual) {
    report.error("/key", "missing-key",
                 "\"key\" is missing; the enrollment " + quoted(file.enrollment) +
                     " is an individual one, so the device's file names the device's own key, e.g. "
                     "{\"file\": \"...\"}");
  } else if (!enrollment.has_key) {
    report.error(
        "/key", "missing-key",
        "\"key\" is missing; give the device the key derived for it from the group's, e.g. "
        "{\"file\": \"...\"}, because the enrollment " +
            quoted(file.enrollment) + " names none");
  }
  return {};
}

void check_enrollment(const DeviceFile& file, const GatewayPart* gateway, FileReport& report) {
  if (gateway == nullptr || !report.clean("/enrollment") ||
      gateway->enrollments.contains(file.enrollment)) {
    return;
  }
  std::vector<std::string> known;
  for (const auto& [name, enrollment] : gateway->enrollments) known.push_back(name);
  const std::string guess = nearest(file.enrollment, known);
  report.error(
      "/enrollment", "unknown-enrollment",
      "gateway.json has no enrollment " + quoted(file.enrollment) +
          (guess.empty() ? "; it has " + join(known, ", ") : "; did you mean \"" + guess + "\"?"));
}

void check_names(const DeviceFile& file, FileReport& report) {
  std::set<std::pair<std::string, std::string>> seen;
  for (std::size_t i = 0; i < file.tags.size(); ++i) {
    const TagFields& tag = file.tags[i];
    const std::string pointer = "/tags/" + std::to_string(i);
    if (!report.clean(pointer + "/name") || !report.clean(pointer + "/component")) continue;
    for (const auto reserved : kReservedNames) {
      if (tag.name != reserved) continue;
      report.error(pointer + "/name", "reserved-name",
                   quoted(tag.name) + " is a name IoT Hub keeps for itself; choose another one");
    }
    if (!seen.emplace(tag.component, tag.name).second) {
      report.error(pointer + "/name", "duplicate-tag",
                   "there is already a tag " + quoted(tag.name) +
                       (tag.component.empty() ? "" : " in the component " + quoted(tag.component)) +
                       "; each needs a name of its own");
    }
  }
}

// A dead band that is silently without effect would be looked for in vain.
void check_reports(const DeviceFile& file, FileReport& report) {
  for (std::size_t i = 0; i < file.tags.size(); ++i) {
    const TagFields& tag = file.tags[i];
    const std::string pointer = "/tags/" + std::to_string(i);
    if (!report.clean(pointer) || tag.on_change) continue;
    const char* key = tag.dead_band > 0           ? "dead_band"
                      : tag.dead_band_percent > 0 ? "dead_band_percent"
                      : tag.silence_max           ? "silence_max_s"
                                                  : nullptr;
    if (key == nullptr) continue;
    report.error(pointer + "/" + key, "report",
                 quoted(key) +
                     " belongs to tags with \"report\": \"on_change\"; add it, or leave " +
                     quoted(key) + " out");
  }
}

DeviceOutboxSettings make_outbox(const DeviceOutboxFields& fields) {
  DeviceOutboxSettings outbox;
  if (fields.bytes_max) outbox.bytes_max = static_cast<std::uint64_t>(*fields.bytes_max);
  if (fields.age_max_h) outbox.age_max = std::chrono::hours{*fields.age_max_h};
  return outbox;
}

DeviceDescription describe(const DeviceFile& file, const GatewayPart* gateway) {
  DeviceDescription description;
  description.id = file.id;
  description.display_name = file.name.empty() ? file.id : file.name;
  description.model_id = file.model_id;
  description.enrollment = file.enrollment;
  description.connect_first = file.connect_first;
  description.expected_messages_per_minute = file.expected_messages_per_minute;
  const GatewayPart defaults;
  const GatewayPart& site = gateway == nullptr ? defaults : *gateway;
  description.order = file.outbox.order.value_or(site.order);
  description.fresh_share_percent =
      file.outbox.fresh_share_percent.value_or(site.fresh_share_percent);
  for (const auto& fields : file.tags) {
    TagDescription tag;
    tag.name = fields.name;
    tag.component = fields.component;
    tag.unit = fields.unit;
    tag.writable = fields.writable;
    tag.write_min = fields.min;
    tag.write_max = fields.max;
    tag.wish_age_max = fields.no_replay;
    tag.priority = fields.priority;
    tag.as = fields.as;
    tag.report = {fields.on_change, fields.dead_band, fields.dead_band_percent, fields.silence_max};
    description.tags.push_back(std::move(tag));
  }
  return description;
}

}  // namespace

DevicePart make_device_part(const DeviceFile& file, const GatewayPart* gateway,
                            const std::string& folder, const SecretSource& secrets,
                            FileReport& report) {
  DevicePart part;
  part.description = describe(file, gateway);
  part.outbox = make_outbox(file.outbox);
  check_enrollment(file, gateway, report);
  part.credential = find_credential(file, gateway, folder, secrets, report);
  check_names(file, report);
  check_reports(file, report);
  attach_device(file, gateway, report, part);
  if (const auto* line = std::get_if<SerialPart>(&part.attached)) {
    for (const serial::TagSettings& tag : line->device.tags) {
      part.description.tags[tag.tag.value].only_written =
          std::holds_alternative<serial::OnlyWritten>(tag.where);
    }
  }
  const std::string attach = "/attach/" + attach_kind(file.attach);
  part.whole = report.place("");
  part.id = report.place("/id");
  part.tags = report.place("/tags");
  part.attach = report.place(attach);
  part.unit_id = report.place(attach + "/unit_id");
  part.topic = report.place(attach + "/topic");
  if (!report.clean("/id")) part.description.id.clear();
  return part;
}

}  // namespace hubward::config
