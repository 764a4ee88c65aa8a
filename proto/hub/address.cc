#include "proto/hub/address.h"

#include <algorithm>

#include "proto/percent.h"

namespace hubward::hub {
namespace {

// RFC 1035, section 2.3.4, less the length octets.
constexpr std::size_t kMaxHostLength = 253;
// IoT Hub, identity registry: "Device identity properties".
constexpr std::size_t kMaxDeviceIdLength = 128;

bool is_host_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.';
}

tl::unexpected<Error> malformed(std::string why) {
  return failure(ErrorCode::Malformed, ErrorKind::Permanent, std::move(why));
}

}  // namespace

Result<HubAddress> HubAddress::parse(std::string_view text) {
  const auto colon = text.find(':');
  const auto host = text.substr(0, colon);
  if (host.empty() || host.size() > kMaxHostLength ||
      !std::all_of(host.begin(), host.end(), is_host_character) || host.front() == '.' ||
      host.front() == '-') {
    return malformed("a host name (or host:port) was expected");
  }
  HubAddress address{std::string(host), kMqttTlsPort};
  if (colon != std::string_view::npos) {
    const auto port = parse_decimal(text.substr(colon + 1));
    if (!port || *port < 1 || *port > 65535) {
      return malformed("the port after \"" + address.host + ":\" must be 1 to 65535");
    }
    address.port = static_cast<std::uint16_t>(*port);
  }
  return address;
}

std::string HubAddress::to_text() const {
  return port == kMqttTlsPort ? host : host + ":" + std::to_string(port);
}

Status check_device_id(std::string_view device_id) {
  constexpr std::string_view kHazards = "/+#%&?";
  if (device_id.empty() || device_id.size() > kMaxDeviceIdLength) {
    return malformed("a device id has 1 to 128 characters");
  }
  for (const char c : device_id) {
    if (c <= ' ' || c > '~' || kHazards.find(c) != std::string_view::npos) {
      return malformed("a device id must not contain spaces, / + # % & ? or letters beyond ASCII");
    }
  }
  return {};
}

}  // namespace hubward::hub
