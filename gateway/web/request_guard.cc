#include "gateway/web/request_guard.h"

#include <arpa/inet.h>

#include <algorithm>

namespace hubward::web {
namespace {

// RFC 1035: a name has at most 253 characters.
constexpr std::size_t kHostBytesMax = 260;

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  return out;
}

bool is_ip_address(const std::string& host) {
  in6_addr parsed{};
  return inet_pton(AF_INET, host.c_str(), &parsed) == 1 ||
         inet_pton(AF_INET6, host.c_str(), &parsed) == 1;
}

bool is_port(std::string_view text) {
  return !text.empty() && text.size() <= 5 &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= '0' && c <= '9'; });
}

}  // namespace

std::string host_of(std::string_view host_header) {
  if (host_header.empty() || host_header.size() > kHostBytesMax) return {};
  std::string_view host = host_header;
  std::string_view rest;
  if (host.front() == '[') {
    const std::size_t end = host.find(']');
    if (end == std::string_view::npos) return {};
    rest = host.substr(end + 1);
    host = host.substr(1, end - 1);
  } else if (const std::size_t colon = host.find(':'); colon != std::string_view::npos) {
    rest = host.substr(colon);
    host = host.substr(0, colon);
  }
  if (!rest.empty() && (rest.front() != ':' || !is_port(rest.substr(1)))) return {};
  if (host.ends_with('.')) host.remove_suffix(1);
  return lower(host);
}

bool host_allowed(std::string_view host_header, const std::vector<std::string>& names) {
  const std::string host = host_of(host_header);
  if (host.empty()) return false;
  if (host == "localhost" || is_ip_address(host)) return true;
  return std::any_of(names.begin(), names.end(),
                     [&](const std::string& name) { return host_of(name) == host; });
}

bool same_origin(std::string_view origin, std::string_view host_header) {
  for (const std::string_view scheme : {"http://", "https://"}) {
    if (!origin.starts_with(scheme)) continue;
    return !host_header.empty() && lower(origin.substr(scheme.size())) == lower(host_header);
  }
  return false;
}

}  // namespace hubward::web
