#include "proto/hub/sas.h"

namespace hubward::hub {
namespace {

std::string seconds_text(WallTime time) {
  return std::to_string(std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count());
}

}  // namespace

SasClaim hub_claim(std::string_view host, std::string_view device_id, WallTime expires_at) {
  std::string path(host);
  path.append("/devices/").append(device_id);
  return {percent_encode(path), "", expires_at};
}

SasClaim dps_claim(std::string_view id_scope, std::string_view registration_id,
                   WallTime expires_at) {
  std::string path(id_scope);
  path.append("/registrations/").append(registration_id);
  return {percent_encode(path), "registration", expires_at};
}

std::string message_to_sign(const SasClaim& claim) {
  return claim.resource + "\n" + seconds_text(claim.expires_at);
}

std::string sas_token(const SasClaim& claim, std::span<const std::byte> signature) {
  std::string token = "SharedAccessSignature sr=" + claim.resource +
                      "&sig=" + percent_encode(base64_encode(signature)) +
                      "&se=" + seconds_text(claim.expires_at);
  if (!claim.policy.empty()) token += "&skn=" + percent_encode(claim.policy);
  return token;
}

}  // namespace hubward::hub
