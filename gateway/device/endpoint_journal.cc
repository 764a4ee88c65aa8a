#include "gateway/device/endpoint_journal.h"

#include <algorithm>
#include <utility>

namespace hubward::device {
namespace {

EndpointStatus::State state_of(resilience::Breaker::State state) {
  switch (state) {
    case resilience::Breaker::State::Closed:
      return EndpointStatus::State::Answers;
    case resilience::Breaker::State::Open:
      return EndpointStatus::State::Silent;
    case resilience::Breaker::State::Closing:
      return EndpointStatus::State::Returning;
  }
  return EndpointStatus::State::Answers;
}

}  // namespace

EndpointJournal::EndpointJournal(const AdmissionDesk& desk, std::string dps_host,
                                 StatusSink& status, Log& log, const Clock& clock)
    : desk_(desk), dps_host_(std::move(dps_host)), status_(status), log_(log), clock_(clock) {}

std::vector<EndpointStatus> EndpointJournal::look() {
  std::vector<EndpointStatus> endpoints;
  const SteadyTime now = clock_.steady();
  for (const resilience::GateView& gate : desk_.admission().view(now)) {
    EndpointStatus& endpoint = endpoints.emplace_back();
    endpoint.is_dps = gate.gate == resilience::kDpsGate;
    endpoint.host = endpoint.is_dps ? dps_host_ : gate.gate;
    endpoint.state = state_of(gate.state);
    if (gate.next_look) {
      endpoint.next_look = clock_.wall() + std::chrono::duration_cast<std::chrono::milliseconds>(
                                               *gate.next_look - now);
    }
    endpoint.waiting = gate.waiting;
    endpoint.closes_everybody = gate.closes_everybody;
    tell(endpoint);
  }
  // Hubs come and go with DPS's answers.
  std::erase_if(told_, [&](const auto& known) {
    return std::none_of(endpoints.begin(), endpoints.end(),
                        [&](const auto& endpoint) { return endpoint.host == known.first; });
  });
  return endpoints;
}

void EndpointJournal::tell(const EndpointStatus& endpoint) {
  const auto known = told_.try_emplace(endpoint.host, EndpointStatus::State::Answers).first;
  const bool was_silent = known->second == EndpointStatus::State::Silent;
  known->second = endpoint.state;
  const bool is_silent = endpoint.state == EndpointStatus::State::Silent;
  if (was_silent == is_silent) return;
  const char* const event = is_silent ? "endpoint_silent" : "endpoint_answers";
  log_.write(is_silent ? LogLevel::Warn : LogLevel::Info, event,
             {{"host", endpoint.host},
              {"kind", endpoint.is_dps ? "dps" : "hub"},
              {"waiting", std::to_string(endpoint.waiting)}});
  status_.event({clock_.wall(), std::nullopt, event,
                 endpoint.host + (is_silent ? " does not answer; one device looks for all others."
                                            : " answers again; devices return to it.")});
}

}  // namespace hubward::device
