// Which requests may be answered at all. Protects a page without login from other web sites that
// run in the same browser: DNS rebinding and cross-site WebSockets (RFC 6455, section 10.2).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace hubward::web {

// The host of "name", "name:8080", "[::1]:8080", in lower case, without port, brackets and a final
// dot. Empty if malformed.
[[nodiscard]] std::string host_of(std::string_view host_header);

// IP addresses always (a rebound name is never one), `localhost`, and the names given.
[[nodiscard]] bool host_allowed(std::string_view host_header,
                                const std::vector<std::string>& names);

// The page itself is the only origin: "http://" or "https://" followed by exactly the Host header.
[[nodiscard]] bool same_origin(std::string_view origin, std::string_view host_header);

}  // namespace hubward::web
