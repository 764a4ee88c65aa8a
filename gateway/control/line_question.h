#pragma once

#include <functional>
#include <string>
#include <vector>

#include "gateway/api/asks_line.h"
#include "gateway/api/log.h"
#include "gateway/api/loop.h"
#include "gateway/device/write_gate.h"
#include "gateway/observe/status_board.h"
#include "proto/json.h"

namespace hubward::control {

// Asks what hangs on one of this gateway's lines what a person wants to know once, on that line's
// own schedule. On the devices' loop.
//   {"command":"ask", "line":"10.0.0.5:502", "answer_ms":300, "within_ms":60000,
//    "asks":[{"unit":7,"request":"AwAAAAE="}]}
// Requests and answers are base64. Without asks it only tells which line that is. With
// "write":"what is written, for the log" a request may write, unless a writable tag stands there.
//   {"line":"10.0.0.5:502", "speed":"", "answers":[{"answer":"AwIAAQ=="},
//    {"code":"no_answer","detail":"no answer"}]}
// {"no_line":true}: none of this gateway's lines.
class LineQuestions {
 public:
  using Answer = std::function<void(std::string line)>;

  static constexpr std::chrono::milliseconds kAnswerTimeMax{60'000};
  // A client is dropped after two minutes.
  static constexpr std::chrono::milliseconds kWithinMax{100'000};

  // All outlive the questions; the lines may come later.
  LineQuestions(observe::StatusBoard& board, const std::vector<AsksLine*>& lines,
                const device::WriteGate& writes, Loop& loop, Log& log);

  // `answer` runs once.
  void ask(const json::Value& request, const Answer& answer);

 private:
  [[nodiscard]] AsksLine* line_of(const json::Value& request) const;
  [[nodiscard]] std::optional<DeviceIndex> device_at(const AsksLine& line, std::uint8_t unit) const;
  // Why not, if one of them would write what a writable tag stands for; else empty.
  [[nodiscard]] std::string listed_tag_in(const AsksLine& line,
                                          const std::vector<LineAsk>& asks) const;
  void tell_writes(const AsksLine& line, const std::vector<LineAsk>& asks,
                   const std::vector<LineAnswer>& answers, const std::string& what);

  observe::StatusBoard& board_;
  const std::vector<AsksLine*>& lines_;
  const device::WriteGate& writes_;
  Loop& loop_;
  Log& log_;
};

}  // namespace hubward::control
