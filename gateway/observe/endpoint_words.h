// What is to be said of a hub, or of the provisioning service, that all devices share.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "gateway/api/status.h"

namespace hubward::observe {

// For metrics: answers, silent, returning.
[[nodiscard]] std::string_view endpoint_label(EndpointStatus::State state);

// One sentence for a technician; empty for an endpoint that simply answers.
[[nodiscard]] std::string endpoint_sentence(const EndpointStatus& endpoint, WallTime now);
// All of them, each with a space before it.
[[nodiscard]] std::string endpoint_sentences(const std::vector<EndpointStatus>& endpoints,
                                             WallTime now);

}  // namespace hubward::observe
