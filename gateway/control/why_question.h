#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "gateway/api/loop.h"
#include "gateway/device/roster.h"
#include "gateway/observe/path_book.h"
#include "gateway/observe/status_board.h"
#include "gateway/observe/why.h"

namespace hubward::control {

// Answers "why is this device not online" while the gateway runs. A device that is online is left
// alone. For one that is not, an attempt is asked for now, through admission as always, and its
// outcome awaited; DPS is not asked more often than it would be anyway. On the devices' loop.
class WhyQuestions {
 public:
  using Answer = std::function<void(std::string line)>;

  // An attempt takes at most 20 s to the handshake and 60 s to CONNACK.
  static constexpr std::chrono::seconds kAttemptMax{90};
  // For its turn it waits no longer than this: what it waits for is then the answer.
  static constexpr std::chrono::seconds kTurnMax{10};
  static constexpr std::chrono::milliseconds kLookEvery{100};
  // Under way at once, also of clients that have gone; the control socket has 16 clients.
  static constexpr std::size_t kQuestionsMax = 32;

  // All outlive the questions.
  WhyQuestions(const observe::StatusBoard& board, device::DeviceRoster& devices,
               observe::PathBook& paths, observe::CloudHost dps, Loop& loop);
  ~WhyQuestions();
  WhyQuestions(const WhyQuestions&) = delete;
  WhyQuestions& operator=(const WhyQuestions&) = delete;

  // `answer` runs once, within kAttemptMax and the time of one look at the network.
  void ask(const std::string& device_id, Answer answer);

 private:
  struct Question;
  void look_at_paths(const std::shared_ptr<Question>& question);
  void step(const std::shared_ptr<Question>& question);
  [[nodiscard]] bool waits_for_attempt(const Question& question) const;

  const observe::StatusBoard& board_;
  device::DeviceRoster& devices_;
  observe::PathBook& paths_;
  const observe::CloudHost dps_;
  Loop& loop_;
  std::size_t under_way_ = 0;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);  // shared with pending questions
};

// What is asked for by a name that no device has.
[[nodiscard]] std::string no_such_device(const observe::StatusBoard& board,
                                         const std::string& device_id);

}  // namespace hubward::control
