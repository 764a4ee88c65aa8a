#include "gateway/observe/endpoint_words.h"

#include <doctest/doctest.h>

using namespace hubward;
using namespace hubward::observe;
using namespace std::chrono_literals;
using State = EndpointStatus::State;

TEST_CASE("one sentence says what all devices together found out about an endpoint") {
  const WallTime now{1'000'000s};
  struct Row {
    const char* why;
    EndpointStatus endpoint;
    const char* sentence;
  };
  const Row rows[] = {
      {"nothing to say", {"hub-a.azure-devices.net", false, State::Answers, {}, 3, false}, ""},
      {"a hub that does not answer",
       {"hub-a.azure-devices.net", false, State::Silent, now + 20s, 999, false},
       "Hub hub-a does not answer: one device looks for all, next in 20 s; 999 devices wait for "
       "it."},
      {"the look is under way",
       {"hub-a.azure-devices.net", false, State::Silent, now, 1, false},
       "Hub hub-a does not answer: one device looks for all; 1 device waits for it."},
      {"the provisioning service",
       {"global.azure-devices-provisioning.net", true, State::Silent, now + 5s, 0, false},
       "The provisioning service does not answer: one device looks for all, next in 5 s."},
      {"a hub whose quota is used up",
       {"127.0.0.2", false, State::Silent, now + 5s, 2, true},
       "Hub 127.0.0.2 closes every connection: one device looks for all, next in 5 s; 2 devices "
       "wait for it."},
      {"back again",
       {"hub-a.azure-devices.net", false, State::Returning, {}, 40, false},
       "Hub hub-a answers again; devices return to it little by little; 40 devices wait for it."},
  };
  for (const auto& row : rows) {
    CAPTURE(row.why);
    CHECK(endpoint_sentence(row.endpoint, now) == row.sentence);
  }
  CHECK(endpoint_sentences({rows[0].endpoint, rows[3].endpoint}, now) ==
        std::string(" ") + rows[3].sentence);
}
