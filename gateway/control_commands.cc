#include "gateway/control_commands.h"

#include <filesystem>
#include <fstream>
#include <utility>

#include "gateway/api/failure_words.h"
#include "gateway/observe/status_json.h"
#include "proto/json.h"

namespace hubward {
namespace {

// One answer holds at most this many; what was exported can be removed and the rest asked for.
constexpr std::size_t kQuarantineListMax = 1000;

std::string error_json(std::string_view what) {
  rapidjson::StringBuffer buffer;
  json::Writer out(buffer);
  out.StartObject();
  out.Key("error");
  out.String(what.data(), static_cast<rapidjson::SizeType>(what.size()));
  out.EndObject();
  return buffer.GetString();
}

void write_text(json::Writer& out, const char* key, std::string_view text) {
  out.Key(key);
  out.String(text.data(), static_cast<rapidjson::SizeType>(text.size()));
}

void write_quarantined(json::Writer& out, const QuarantinedMessage& message) {
  const StoredMessage& stored = message.stored;
  out.StartObject();
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

ControlCommands::ControlCommands(observe::StatusBoard& board, outbox::OutboxWriter& outbox,
                                 device::WriteGate& writes, Loop& loop, Log& log,
                                 std::string marker_path)
    : board_(board),
      outbox_(outbox),
      writes_(writes),
      loop_(loop),
      log_(log),
      marker_path_(std::move(marker_path)) {
  std::error_code ignored;
  writes_.paused = std::filesystem::exists(marker_path_, ignored);
  board_.set_writes_paused(writes_.paused);
}

void ControlCommands::handle(const std::string& request, const Answer& answer) {
  const auto document = json::parse(request, {.bytes_max = 64 * 1024, .depth_max = 8});
  if (!document) return answer(error_json("not JSON: " + document.error().context));
  const auto command = json::as_string(json::find(*document, "command"));
  if (command == "status") return answer(observe::status_json(board_));
  if (command == "maintenance") return answer(maintenance(*document));
  if (command == "quarantine") return list_quarantine(answer);
  answer(error_json("unknown command"));
}

std::string ControlCommands::maintenance(const json::Value& request) {
  const auto paused = json::as_bool(json::find(request, "paused"));
  if (paused && *paused != writes_.paused) {
    std::error_code failed;
    if (*paused) {
      if (!std::ofstream(marker_path_)) failed = std::make_error_code(std::errc::io_error);
    } else {
      std::filesystem::remove(marker_path_, failed);
    }
    // Pausing takes effect even if it cannot be remembered; letting writes through again does not.
    if (failed && !*paused) return error_json("cannot remove " + marker_path_);
    writes_.paused = *paused;
    board_.set_writes_paused(*paused);
    log_.write(LogLevel::Warn, *paused ? "maintenance_on" : "maintenance_off",
               {{"remembered", failed ? "no" : "yes"}});
    board_.event({loop_.clock().wall(), std::nullopt,
                  *paused ? "maintenance_on" : "maintenance_off",
                  *paused ? "Writing to the plant is paused for maintenance."
                          : "Maintenance is over; commands reach the plant again."});
  }
  return writes_.paused ? R"({"paused":true})" : R"({"paused":false})";
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

}  // namespace hubward
