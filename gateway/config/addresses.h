// The small notations inside the files' texts.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "gateway/config/site_settings.h"
#include "proto/modbus/types.h"

namespace hubward::config {

struct RegisterAddress {
  modbus::Table table = modbus::Table::HoldingRegister;
  std::uint16_t address = 0;  // zero-based, as on the wire
};

// "holding:12": table and address on the wire. "manual:40013": the number a manual prints, whose
// first digit is the table (0 coil, 1 discrete, 3 input, 4 holding) and whose rest begins at 1,
// with 5 digits in all or 6. The two can never be taken for each other.
[[nodiscard]] std::optional<RegisterAddress> parse_register_address(std::string_view text);

// "holding:12"
[[nodiscard]] std::string to_text(const RegisterAddress& address);

// "host", "host:port", "[::1]" or "[::1]:port". `default_port` 0: the port must be there.
[[nodiscard]] std::optional<HostAndPort> parse_host_and_port(std::string_view text,
                                                             std::uint16_t default_port);

// Only this machine can reach it.
[[nodiscard]] bool is_loopback(std::string_view host);

}  // namespace hubward::config
