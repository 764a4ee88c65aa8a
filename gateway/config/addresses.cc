#include "gateway/config/addresses.h"

#include <charconv>

namespace hubward::config {
namespace {

std::optional<std::uint32_t> digits(std::string_view text) {
  std::uint32_t value = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || stop != text.data() + text.size()) return std::nullopt;
  return value;
}

const char* table_name(modbus::Table table) {
  switch (table) {
    case modbus::Table::Coil:
      return "coil";
    case modbus::Table::DiscreteInput:
      return "discrete";
    case modbus::Table::HoldingRegister:
      return "holding";
    case modbus::Table::InputRegister:
      return "input";
  }
  return "";
}

std::optional<RegisterAddress> from_manual(std::string_view number) {
  if (number.size() != 5 && number.size() != 6) return std::nullopt;
  const auto one_based = digits(number.substr(1));
  if (!one_based || *one_based == 0 || *one_based > 65536) return std::nullopt;
  const auto address = static_cast<std::uint16_t>(*one_based - 1);
  switch (number.front()) {
    case '0':
      return RegisterAddress{modbus::Table::Coil, address};
    case '1':
      return RegisterAddress{modbus::Table::DiscreteInput, address};
    case '3':
      return RegisterAddress{modbus::Table::InputRegister, address};
    case '4':
      return RegisterAddress{modbus::Table::HoldingRegister, address};
    default:
      return std::nullopt;
  }
}

std::optional<std::uint16_t> port_number(std::string_view text) {
  const auto value = digits(text);
  if (!value || *value == 0 || *value > 65535) return std::nullopt;
  return static_cast<std::uint16_t>(*value);
}

}  // namespace

std::optional<RegisterAddress> parse_register_address(std::string_view text) {
  const std::size_t colon = text.find(':');
  if (colon == std::string_view::npos) return std::nullopt;
  const std::string_view kind = text.substr(0, colon);
  const std::string_view number = text.substr(colon + 1);
  if (kind == "manual") return from_manual(number);
  const auto address = digits(number);
  if (!address || *address > 65535) return std::nullopt;
  for (const auto table : {modbus::Table::Coil, modbus::Table::DiscreteInput,
                           modbus::Table::HoldingRegister, modbus::Table::InputRegister}) {
    if (kind == table_name(table)) {
      return RegisterAddress{table, static_cast<std::uint16_t>(*address)};
    }
  }
  return std::nullopt;
}

std::string to_text(const RegisterAddress& address) {
  return std::string(table_name(address.table)) + ":" + std::to_string(address.address);
}

std::optional<HostAndPort> parse_host_and_port(std::string_view text, std::uint16_t default_port) {
  std::string_view host = text;
  std::string_view port;
  bool has_port = false;
  if (text.starts_with('[')) {
    const std::size_t close = text.find(']');
    if (close == std::string_view::npos) return std::nullopt;
    host = text.substr(1, close - 1);
    const std::string_view after = text.substr(close + 1);
    has_port = !after.empty();
    if (has_port && after.front() != ':') return std::nullopt;
    if (has_port) port = after.substr(1);
  } else if (const std::size_t colon = text.find(':'); colon != std::string_view::npos) {
    has_port = true;
    host = text.substr(0, colon);
    port = text.substr(colon + 1);
  }
  if (host.empty() || (!has_port && default_port == 0)) return std::nullopt;
  if (!has_port) return HostAndPort{std::string(host), default_port};
  const auto number = port_number(port);
  if (!number) return std::nullopt;
  return HostAndPort{std::string(host), *number};
}

bool is_loopback(std::string_view host) {
  return host == "localhost" || host == "::1" || host.starts_with("127.");
}

}  // namespace hubward::config
