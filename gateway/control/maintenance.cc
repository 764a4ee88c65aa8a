#include "gateway/control/maintenance.h"

#include <utility>

#include "gateway/control/answers.h"
#include "proto/json.h"

namespace hubward::control {
namespace {

std::string paused_json(bool paused, const Status& remembered) {
  rapidjson::StringBuffer buffer;
  json::Writer out(buffer);
  out.StartObject();
  out.Key("paused");
  out.Bool(paused);
  if (!remembered) write_text(out, "not_remembered", remembered.error().context);
  out.EndObject();
  return {buffer.GetString(), buffer.GetSize()};
}

}  // namespace

Maintenance::Maintenance(observe::StatusBoard& board, device::WriteGate& writes,
                         const std::vector<QueuesWrites*>& queues, Loop& loop, Log& log,
                         Marker& marker)
    : board_(board),
      writes_(writes),
      queues_(queues),
      loop_(loop),
      log_(log),
      marker_(marker),
      wished_(marker.stood()),
      stands_(wished_) {
  writes_.paused = wished_;
  board_.set_writes_paused(wished_);
}

void Maintenance::set(std::optional<bool> paused, const Answer& answer) {
  if (!paused) return answer(state());
  return *paused ? pause(answer) : let_through(answer);
}

void Maintenance::pause(const Answer& answer) {
  wished_ = true;
  begin();  // also if it cannot be remembered: letting writes through would be worse
  if (stands_) return answer(state());
  put([this, answer] { answer(state()); });
}

void Maintenance::put(std::function<void()> done) {
  marker_.put([this, alive = alive_, done = std::move(done)](const Status& put) {
    if (!*alive) return;
    remembered_ = put;
    stands_ = put.has_value() && wished_;
    if (!put) {
      log_.write(LogLevel::Error, "maintenance_not_remembered", {{"reason", put.error().context}});
    }
    done();
  });
}

void Maintenance::let_through(const Answer& answer) {
  wished_ = stands_ = false;
  marker_.clear([this, alive = alive_, answer, request = ++last_](const Status& cleared) {
    if (!*alive) return;
    if (!cleared && request == last_) {
      // It may be gone all the same, and nobody must rely on that.
      wished_ = true;
      begin();
      put([] {});
    }
    if (!cleared) return answer(error_json("maintenance stays on: " + cleared.error().context));
    // Unless somebody has paused again meanwhile: his marker is put after this one went.
    if (!wished_) end();
    answer(state());
  });
}

std::string Maintenance::state() const {
  return paused_json(writes_.paused, writes_.paused ? remembered_ : Status{});
}

void Maintenance::begin() {
  if (std::exchange(writes_.paused, true)) return;
  for (QueuesWrites* queue : queues_) queue->withdraw_writes();
  tell("maintenance_on", "Writing to the plant is paused for maintenance.");
}

void Maintenance::end() {
  if (!std::exchange(writes_.paused, false)) return;
  tell("maintenance_off", "Maintenance is over; commands reach the plant again.");
}

void Maintenance::tell(const char* event, std::string text) {
  board_.set_writes_paused(writes_.paused);
  log_.write(LogLevel::Warn, event, {});
  board_.event({loop_.clock().wall(), std::nullopt, event, std::move(text)});
}

}  // namespace hubward::control
