#include "gateway/control/control_commands.h"

#include "gateway/api/failure_words.h"
#include "gateway/control/answers.h"
#include "gateway/control/plant_write.h"
#include "gateway/observe/newcomer_json.h"
#include "gateway/observe/status_json.h"

namespace hubward::control {
namespace {

// One answer holds at most this many; what was exported can be removed and the rest asked for.
constexpr std::size_t kQuarantineListMax = 1000;

void write_quarantined(json::Writer& out, const QuarantinedMessage& message) {
  const StoredMessage& stored = message.stored;
  out.StartObject();
  out.Key("place");
  out.Int64(message.place);
  write_text(out, "device", message.device_id);
  write_text(out, "id", message_id(stored.epoch, message.device_id, stored.sequence));
  write_text(out, "reason", words_for(message.why).label);
  out.Key("since_ms");
  out.Int64(message.since.time_since_epoch().count());
  out.Key("created_ms");
  out.Int64(stored.message.created.time_since_epoch().count());
  write_text(out, "component", stored.message.component);
  out.Key("properties");
  out.StartObject();
  for (const auto& [name, value] : stored.message.properties) write_text(out, name.c_str(), value);
  out.EndObject();
  write_text(out, "body", stored.message.body);
  out.EndObject();
}

}  // namespace

ControlCommands::ControlCommands(const ControlParts& parts)
    : board_(parts.board),
      devices_(parts.devices),
      outbox_(parts.outbox),
      loop_(parts.loop),
      newcomers_(parts.newcomers),
      maintenance_(parts.board, parts.writes, parts.write_queues, parts.loop, parts.log,
                   parts.maintenance),
      why_(parts.board, parts.devices, parts.paths, parts.dps, parts.loop),
      drills_(parts.board, parts.devices, parts.loop, parts.log),
      lines_(parts.board, parts.lines, parts.writes, parts.loop, parts.log) {}

void ControlCommands::handle(const std::string& request, const Answer& answer) {
  const auto document = json::parse(request, {.bytes_max = 64 * 1024, .depth_max = 8});
  if (!document) return answer(error_json("not JSON: " + document.error().context));
  const auto command = json::as_string(json::find(*document, "command"));
  if (command == "status") return answer(observe::status_json(board_));
  if (command == "maintenance") {
    return maintenance_.set(json::as_bool(json::find(*document, "paused")), answer);
  }
  if (command == "quarantine") {
    const auto place = json::as_int(json::find(*document, "remove_up_to"));
    return place ? clear_quarantine(*place, answer) : list_quarantine(answer);
  }
  if (command == "onboard") return onboard(*document, answer);
  const auto device = json::as_string(json::find(*document, "device"));
  if (command == "why") return why_.ask(std::string(device.value_or("")), answer);
  if (command == "drill") return drills_.start(std::string(device.value_or("")), answer);
  if (command == "ask") return lines_.ask(*document, answer);
  if (command == "write") return write(*document, answer);
  answer(error_json("unknown command"));
}

void ControlCommands::onboard(const json::Value& request, const Answer& answer) {
  const auto member = [&](const char* name) {
    return std::string(json::as_string(json::find(request, name)).value_or(""));
  };
  if (const std::string name = member("approve"); !name.empty()) {
    return newcomers_.approve(name, member("id"), [answer](const Result<Approved>& approved) {
      if (!approved) return answer(error_json(approved.error().context));
      rapidjson::StringBuffer buffer;
      json::Writer out(buffer);
      if (approved->waits_again) return answer(R"({"waits_again":true})");
      out.StartObject();
      write_text(out, "approved", approved->id);
      write_text(out, "file", approved->file);
      write_text(out, "why_later", approved->why_later);
      out.EndObject();
      answer({buffer.GetString(), buffer.GetSize()});
    });
  }
  if (const std::string name = member("refuse"); !name.empty()) {
    const Status refused = newcomers_.refuse(name);
    return answer(refused ? R"({"refused":true})" : error_json(refused.error().context));
  }
  rapidjson::StringBuffer buffer;
  json::Writer out(buffer);
  observe::write_newcomers(out, newcomers_.look(), {});
  answer({buffer.GetString(), buffer.GetSize()});
}

void ControlCommands::write(const json::Value& request, const Answer& answer) {
  const std::string id(json::as_string(json::find(request, "device")).value_or(""));
  const auto index = board_.find(id);
  if (!index || index->value >= devices_.size()) return answer(no_such_device(board_, id));
  device::Device& device = devices_.at(*index);
  auto planned = plan_write(device.description(), request);
  if (!planned) {
    // A tag that there is not is a slip of the one who types, and no write.
    if (planned.error().code != ErrorCode::Malformed) {
      device.refused_by_hand(json::as_string(json::find(request, "tag")).value_or(""),
                             planned.error());
    }
    return answer(write_json(planned.error()));
  }
  device.write_by_hand(planned->tag, std::move(planned->value),
                       [answer](const WriteResult& result) { answer(write_json(result)); });
}

void ControlCommands::clear_quarantine(std::int64_t newest_place, const Answer& answer) {
  outbox_.clear_quarantined(newest_place, loop_, [answer, newest_place](const Status& removed) {
    answer(removed ? R"({"removed_up_to":)" + std::to_string(newest_place) + "}"
                   : error_json(removed.error().context));
  });
}

void ControlCommands::list_quarantine(const Answer& answer) {
  outbox_.list_quarantined(kQuarantineListMax, loop_,
                           [answer](const Result<std::vector<QuarantinedMessage>>& messages) {
                             if (!messages) return answer(error_json(messages.error().context));
                             rapidjson::StringBuffer buffer;
                             json::Writer out(buffer);
                             out.StartObject();
                             out.Key("messages");
                             out.StartArray();
                             for (const auto& message : *messages) write_quarantined(out, message);
                             out.EndArray();
                             out.EndObject();
                             answer({buffer.GetString(), buffer.GetSize()});
                           });
}

}  // namespace hubward::control
