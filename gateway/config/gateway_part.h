#pragma once

#include <map>
#include <optional>
#include <string>

#include "gateway/config/file_source.h"
#include "gateway/config/gateway_file.h"
#include "gateway/config/report.h"
#include "gateway/config/secret_source.h"
#include "gateway/config/site_settings.h"

namespace hubward::config {

struct Enrollment {
  EnrollmentFields::Type type = EnrollmentFields::Type::Group;
  bool has_key = false;  // the file names one, usable or not
  std::optional<DeviceCredential> group_key;
};

// What the devices' files need of gateway.json.
struct GatewayPart {
  SiteSettings settings;  // without devices
  std::map<std::string, Enrollment> enrollments;
  bool has_broker = false;
  Place tier;
  // Unless a device's file says otherwise.
  SendOrder order = SendOrder::Strict;
  unsigned fresh_share_percent = 80;
};

// Checks the meaning of gateway.json and turns it into settings. Relative paths are taken from
// `folder`.
[[nodiscard]] GatewayPart make_gateway_part(const GatewayFile& file, const std::string& folder,
                                            const FileSource& files, const SecretSource& secrets,
                                            FileReport& report);

}  // namespace hubward::config
