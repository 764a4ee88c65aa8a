// The last line of an answer to "why": what is wrong, and what somebody must do.
#pragma once

#include <optional>
#include <string>

#include "gateway/observe/why.h"

namespace hubward::observe {

struct Verdict {
  std::string wrong;  // or that nothing is
  std::string person_does;
  std::string gateway_does;
};

[[nodiscard]] Verdict verdict_on(const WhyFacts& facts);

// The other end, which the way to the cloud says nothing about: it is silent, or cannot be
// understood.
[[nodiscard]] std::optional<Verdict> equipment_trouble(const WhyFacts& facts);

// The first step of a way that did not pass; nothing: all passed, or nothing is known.
[[nodiscard]] const Error* trouble_on(const std::optional<PathFindings>& path);

// A certificate is not valid yet, or no more, and the clock here is the likelier reason; or a
// server refused a login while the clock is not credible.
[[nodiscard]] bool clock_is_to_blame(const WhyFacts& facts);

// Reserved for private networks, this computer or nobody (RFC 1918, 6598, 4193, 1122): not where
// Azure answers, unless the site has a private endpoint.
[[nodiscard]] bool is_private_address(const std::string& address);

}  // namespace hubward::observe
