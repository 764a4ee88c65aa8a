#include "gateway/control/why_question.h"

#include <algorithm>
#include <utility>

#include "gateway/control/answers.h"
#include "gateway/control/why_view.h"
#include "gateway/observe/plain_words.h"

namespace hubward::control {
namespace {

// Ids named to somebody who mistyped one.
constexpr std::size_t kNamedMax = 8;

}  // namespace

std::string no_such_device(const observe::StatusBoard& board, const std::string& device_id) {
  std::string words =
      "there is no device \"" + observe::shown_text(device_id.substr(0, 128)) + "\"; ";
  const auto& devices = board.site().devices;
  words += devices.empty() ? "none is configured" : "there are ";
  for (std::size_t i = 0; i < devices.size(); ++i) {
    if (i == kNamedMax) {
      words += " and " + std::to_string(devices.size() - i) + " more";
      break;
    }
    words += (i == 0 ? "" : ", ") + devices[i].id;
  }
  return error_json(words);
}

struct WhyQuestions::Question {
  DeviceIndex device;
  Answer answer;
  SteadyTime asked;
  bool tried = false;  // an attempt was made for this question
  std::size_t looking = 0;
  std::optional<observe::CloudHost> hub;  // whose path is looked at
};

WhyQuestions::WhyQuestions(const observe::StatusBoard& board, device::DeviceRoster& devices,
                           observe::PathBook& paths, observe::CloudHost dps, Loop& loop)
    : board_(board), devices_(devices), paths_(paths), dps_(std::move(dps)), loop_(loop) {}

WhyQuestions::~WhyQuestions() { *alive_ = false; }

void WhyQuestions::ask(const std::string& device_id, Answer answer) {
  const auto index = board_.find(device_id);
  if (!index || index->value >= devices_.size()) return answer(no_such_device(board_, device_id));
  if (under_way_ >= kQuestionsMax) {
    return answer(error_json("too many questions are being answered; ask again in a minute"));
  }
  ++under_way_;
  const auto question = std::make_shared<Question>();  // shared with the answers it waits for
  question->device = *index;
  question->answer = std::move(answer);
  question->asked = loop_.clock().steady();
  device::CloudClient& cloud = devices_.at(*index).cloud();
  const bool under_way = cloud.is_trying();
  question->tried = cloud.try_now() || under_way;
  look_at_paths(question);
  step(question);
}

void WhyQuestions::look_at_paths(const std::shared_ptr<Question>& question) {
  const auto look = [&](const observe::CloudHost& host) {
    ++question->looking;
    paths_.look(host.host, host.port, [question](const PathFindings&) { --question->looking; });
  };
  if (!question->hub) look(dps_);
  question->hub = cloud_host(devices_.at(question->device).cloud().view().assigned_hub);
  if (question->hub) look(*question->hub);
}

bool WhyQuestions::waits_for_attempt(const Question& question) const {
  device::CloudClient& cloud = devices_.at(question.device).cloud();
  if (!cloud.is_trying()) return false;
  const auto waited = loop_.clock().steady() - question.asked;
  return waited < (cloud.is_waiting_for_turn() ? kTurnMax : kAttemptMax);
}

void WhyQuestions::step(const std::shared_ptr<Question>& question) {
  const device::Device& device = devices_.at(question->device);
  const DeviceStatus status = device.status();
  const auto hub = cloud_host(status.assigned_hub);
  if (question->looking == 0 && !waits_for_attempt(*question)) {
    if (hub != question->hub) {
      look_at_paths(question);  // the attempt led to another hub: its way is what counts
    } else {
      observe::WhyFacts facts =
          known_facts(device.description(), status, paths_, dps_, loop_.clock());
      facts.tried_for_this = question->tried;
      facts.still_trying = devices_.at(question->device).cloud().is_trying();
      --under_way_;
      return question->answer(observe::why_json(observe::why(facts), false));
    }
  }
  loop_.call_at(loop_.clock().steady() + kLookEvery, [this, alive = alive_, question] {
    if (*alive) step(question);
  });
}

}  // namespace hubward::control
