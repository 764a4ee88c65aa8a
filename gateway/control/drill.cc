#include "gateway/control/drill.h"

#include <utility>

#include "gateway/control/answers.h"
#include "gateway/control/why_question.h"
#include "gateway/observe/plain_words.h"

namespace hubward::control {
namespace {

void write_after(json::Writer& out, const char* key,
                 const std::optional<std::chrono::milliseconds>& after) {
  if (!after) return;
  out.Key(key);
  out.Int64(after->count());
}

}  // namespace

struct Drills::Drill {
  DeviceIndex device;
  Answer answer;
  SteadyTime started;
  std::uint64_t dropped_before = 0;
};

Drills::Drills(observe::StatusBoard& board, device::DeviceRoster& devices, Loop& loop, Log& log)
    : board_(board), devices_(devices), loop_(loop), log_(log) {}

Drills::~Drills() { *alive_ = false; }

void Drills::start(const std::string& device_id, Answer answer) {
  const auto index = board_.find(device_id);
  if (!index || index->value >= devices_.size()) return answer(no_such_device(board_, device_id));
  if (running_) return answer(error_json("a failover is being rehearsed; wait until it is over"));
  device::Device& device = devices_.at(*index);
  const auto drill = std::make_shared<Drill>();  // shared with its timer
  drill->device = *index;
  drill->started = loop_.clock().steady();
  drill->dropped_before = device.status().outbox.dropped;
  if (!device.cloud().rehearse_failover()) {
    return answer(error_json(device_id +
                             " is not online, and a failover can be rehearsed only from a "
                             "connection that stands; `hubward why " +
                             device_id + "` says what is wrong"));
  }
  drill->answer = std::move(answer);
  running_ = true;
  log_.write(LogLevel::Info, "drill_started", {{"device", device_id}});
  board_.event({loop_.clock().wall(), *index, "drill_started",
                "A failover is rehearsed: the link was dropped and the hub is asked for anew."});
  step(drill);
}

void Drills::step(const std::shared_ptr<Drill>& drill) {
  device::CloudClient& cloud = devices_.at(drill->device).cloud();
  const auto report = cloud.drill_report();
  const auto took = loop_.clock().steady() - drill->started;
  const bool quiet = report && report->accepted_after && report->waiting == 0 &&
                     took - *report->accepted_after > kQuietMax;
  if (!report || report->finished || quiet || took > kDrillMax) {
    return finish(drill, report.value_or(device::DrillReport{}));
  }
  loop_.call_at(loop_.clock().steady() + kLookEvery, [this, alive = alive_, drill] {
    if (*alive) step(drill);
  });
}

void Drills::finish(const std::shared_ptr<Drill>& drill, const device::DrillReport& report) {
  running_ = false;
  const device::Device& device = devices_.at(drill->device);
  devices_.at(drill->device).cloud().end_drill();
  const std::uint64_t lost = device.status().outbox.dropped - drill->dropped_before;
  rapidjson::StringBuffer buffer;
  json::Writer out(buffer);
  const auto number = [&](const char* key, std::uint64_t value) {
    out.Key(key);
    out.Uint64(value);
  };
  out.StartObject();
  write_text(out, "device", device.description().id);
  out.Key("finished");
  out.Bool(report.finished);
  write_text(out, "hub_before", observe::shown_text(report.hub_before));
  write_text(out, "hub_after", observe::shown_text(report.hub_after));
  number("expected", report.expected);
  number("sent", report.sent);
  number("acknowledged", report.acknowledged);
  number("repeated", report.repeated);
  number("set_aside", report.set_aside);
  number("waiting", report.waiting);
  number("lost", lost);
  number("dps_conversations", report.conversations);
  number("logins", report.logins);
  write_after(out, "accepted_after_ms", report.accepted_after);
  write_after(out, "first_acknowledged_after_ms", report.first_ack_after);
  write_after(out, "all_acknowledged_after_ms", report.all_arrived_after);
  out.EndObject();
  log_.write(LogLevel::Info, "drill_finished",
             {{"device", device.description().id},
              {"finished", report.finished ? "yes" : "no"},
              {"hub", report.hub_after},
              {"acknowledged", std::to_string(report.acknowledged)},
              {"waiting", std::to_string(report.waiting)},
              {"lost", std::to_string(lost)}});
  std::string text = "Rehearsed failover: ";
  if (report.hub_after.empty()) {
    text += "no hub has accepted the device yet; what was not acknowledged is kept.";
  } else {
    text += "at " + report.hub_after + ", " + std::to_string(report.acknowledged) + " of " +
            observe::counted(report.expected, "message", "messages") + " acknowledged, " +
            std::to_string(lost) + " lost.";
  }
  board_.event({loop_.clock().wall(), drill->device, "drill_finished", std::move(text)});
  drill->answer({buffer.GetString(), buffer.GetSize()});
}

}  // namespace hubward::control
