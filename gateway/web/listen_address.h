// Where to listen, checked before libwebsockets is asked, because it does not say why it could not.
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <string>

#include "proto/result.h"

namespace hubward::web {

struct Address {
  sockaddr_storage storage{};
  socklen_t length = 0;
  bool ipv4 = true;
};

// Error ConfigInvalid: not an IP address. No name is looked up.
[[nodiscard]] Result<Address> numeric_address(const std::string& text, std::uint16_t port);

// Error AddressInUse with `where` and the system's reason: taken, not allowed, not of this
// computer.
[[nodiscard]] Status can_bind(const Address& address, const std::string& where);

}  // namespace hubward::web
