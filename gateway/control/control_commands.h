// What the running gateway answers on its control socket: one JSON object in, one out.
//   {"command":"status"}
//   {"command":"maintenance","paused":true}     without "paused": only tells
//   {"command":"quarantine"}                    the messages that were set aside, for export
//   {"command":"why","device":"press-07"}       observe::why_json, after a look at the network
//   {"command":"drill","device":"press-07"}     a rehearsed failover: what it showed
//   {"command":"onboard"}                       who waits to be approved: observe::write_newcomers
//   {"command":"onboard","approve":"NAME","id":"press-07"}   without "id": the name is the id
//   {"command":"onboard","refuse":"NAME"}
//   {"command":"ask",...}                       one-off requests on a line: see LineQuestions
//   {"command":"write",...}                     one write to a tag: see plan_write()
// An answer with the member "error" is a sentence on why it could not be done.
#pragma once

#include <functional>
#include <string>

#include "gateway/api/log.h"
#include "gateway/api/newcomer.h"
#include "gateway/control/drill.h"
#include "gateway/control/line_question.h"
#include "gateway/control/maintenance.h"
#include "gateway/control/why_question.h"
#include "gateway/outbox/outbox_writer.h"
#include "proto/json.h"

namespace hubward::control {

// On the devices' loop. Everything given outlives it.
struct ControlParts {
  observe::StatusBoard& board;
  device::DeviceRoster& devices;
  outbox::OutboxWriter& outbox;
  device::WriteGate& writes;
  observe::PathBook& paths;
  observe::CloudHost dps;
  Loop& loop;
  Log& log;
  Marker& maintenance;  // see Maintenance
  NewcomerDesk& newcomers;
  const std::vector<AsksLine*>& lines;
  const std::vector<QueuesWrites*>& write_queues;
};

class ControlCommands {
 public:
  using Answer = std::function<void(std::string line)>;

  explicit ControlCommands(const ControlParts& parts);

  // `answer` runs once, on the loop, possibly before this returns.
  void handle(const std::string& request, const Answer& answer);

 private:
  void clear_quarantine(std::int64_t newest_place, const Answer& answer);
  void list_quarantine(const Answer& answer);
  void onboard(const json::Value& request, const Answer& answer);
  void write(const json::Value& request, const Answer& answer);

  const observe::StatusBoard& board_;
  device::DeviceRoster& devices_;
  outbox::OutboxWriter& outbox_;
  Loop& loop_;
  NewcomerDesk& newcomers_;
  Maintenance maintenance_;
  WhyQuestions why_;
  Drills drills_;
  LineQuestions lines_;
};

}  // namespace hubward::control
