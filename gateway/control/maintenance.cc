#include "gateway/control/maintenance.h"

#include <utility>

#include "gateway/control/answers.h"
#include "proto/json.h"

namespace hubward::control {
namespace {

std::string paused_json(bool paused, const Status& remembered = {}) {
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
      wished_(marker.stood()) {
  writes_.paused = wished_;
  board_.set_writes_paused(wished_);
}

void Maintenance::set(std::optional<bool> paused, const Answer& answer) {
  if (!paused || *paused == wished_) return answer(paused_json(writes_.paused));
  wished_ = *paused;
  if (wished_) {
    // Also if it cannot be remembered: letting writes through would be worse.
    begin();
    return marker_.put([this, alive = alive_, answer](const Status& put) {
      if (!*alive) return;
      if (!put)
        log_.write(LogLevel::Error, "maintenance_not_remembered",
                   {{"reason", put.error().context}});
      answer(paused_json(writes_.paused, put));
    });
  }
  marker_.clear([this, alive = alive_, answer](const Status& cleared) {
    if (!*alive) return;
    // Somebody has paused again meanwhile; his marker is put after this one went.
    if (wished_) return answer(paused_json(true));
    if (!cleared) {
      wished_ = true;
      return answer(error_json("maintenance stays on: " + cleared.error().context));
    }
    end();
    answer(paused_json(false));
  });
}

void Maintenance::begin() {
  if (std::exchange(writes_.paused, true)) return;
  for (QueuesWrites* queue : queues_) queue->withdraw_writes();
  tell("maintenance_on", "Writing to the plant is paused for maintenance.");
}

void Maintenance::end() {
  writes_.paused = false;
  tell("maintenance_off", "Maintenance is over; commands reach the plant again.");
}

void Maintenance::tell(const char* event, std::string text) {
  board_.set_writes_paused(writes_.paused);
  log_.write(LogLevel::Warn, event, {});
  board_.event({loop_.clock().wall(), std::nullopt, event, std::move(text)});
}

}  // namespace hubward::control
