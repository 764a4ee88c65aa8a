// The HTTP control side of the proxy. Every endpoint is described in README.md.
#pragma once

#include "tests/sim/net/http_handler.h"
#include "tests/sim/proxy/relay.h"

namespace hubward::simproxy {

class Control : public simnet::HttpHandler {
 public:
  Control(RuleBook& rules, Relay& relay) : rules_(rules), relay_(relay) {}
  std::optional<simnet::HttpResponse> handle(const simnet::HttpRequest& request,
                                             std::uint64_t token) override;

 private:
  simnet::HttpResponse on_rules(const simnet::HttpRequest& request, std::string_view id);
  simnet::HttpResponse add_rule(const simnet::HttpRequest& request);
  [[nodiscard]] std::string view_rules() const;
  [[nodiscard]] std::string view_targets() const;
  [[nodiscard]] std::string view_connections() const;

  RuleBook& rules_;
  Relay& relay_;
};

}  // namespace hubward::simproxy
