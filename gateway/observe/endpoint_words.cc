#include "gateway/observe/endpoint_words.h"

#include "gateway/observe/condition.h"
#include "gateway/observe/plain_words.h"

namespace hubward::observe {

std::string_view endpoint_label(EndpointStatus::State state) {
  switch (state) {
    case EndpointStatus::State::Answers:
      return "answers";
    case EndpointStatus::State::Silent:
      return "silent";
    case EndpointStatus::State::Returning:
      return "returning";
  }
  return "answers";
}

std::string endpoint_sentence(const EndpointStatus& endpoint, WallTime now) {
  const std::string name =
      endpoint.is_dps ? "The provisioning service" : "Hub " + short_hub(endpoint.host);
  const std::string wait =
      endpoint.waiting == 0
          ? ""
          : "; " + counted(endpoint.waiting, "device waits", "devices wait") + " for it";
  switch (endpoint.state) {
    case EndpointStatus::State::Silent: {
      std::string sentence =
          name + (endpoint.closes_everybody ? " closes every connection" : " does not answer") +
          ": one device looks for all";
      if (endpoint.next_look && *endpoint.next_look > now) {
        sentence += ", next in " + duration_words(*endpoint.next_look - now);
      }
      return sentence + wait + ".";
    }
    case EndpointStatus::State::Returning:
      if (endpoint.waiting == 0) return {};
      return name + " answers again; devices return to it little by little" + wait + ".";
    case EndpointStatus::State::Answers:
      if (endpoint.closes_everybody) return name + " closes every connection soon after login.";
      break;
  }
  return {};
}

std::string endpoint_sentences(const std::vector<EndpointStatus>& endpoints, WallTime now) {
  std::string sentences;
  for (const EndpointStatus& endpoint : endpoints) {
    const std::string sentence = endpoint_sentence(endpoint, now);
    if (!sentence.empty()) sentences += " " + sentence;
  }
  return sentences;
}

}  // namespace hubward::observe
