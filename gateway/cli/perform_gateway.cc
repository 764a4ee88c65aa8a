// Commands that ask the running gateway over its control socket.
#include <algorithm>

#include "gateway/cli/newcomer_text.h"
#include "gateway/cli/perform.h"
#include "gateway/cli/plan_text.h"
#include "gateway/cli/status_text.h"
#include "gateway/cli/why_text.h"
#include "proto/json.h"

namespace hubward::cli {
namespace {

Outcome not_reached(std::string why) {
  return {kExitNotReached, "", "hubward: " + std::move(why) + "\n"};
}

Outcome not_understood(const std::string& answer) {
  return not_reached("the gateway's answer is not understood: " + answer.substr(0, 200));
}

enum class Patience : std::uint8_t { Short, Long };

// `state_folder` empty: as the configuration in `folder` says. The error's context is a sentence.
Result<std::string> ask_gateway(const std::string& folder, std::string state_folder,
                                const std::string& request, const Surroundings& world,
                                Patience patience = Patience::Short) {
  if (state_folder.empty()) {
    auto found = config::state_folder_of(folder, world.files);
    if (!found) return tl::unexpected(found.error());
    state_folder = std::move(*found);
  }
  const AskGateway& ask = patience == Patience::Long ? world.ask_patiently : world.ask;
  auto answer = ask(state_folder + "/control.sock", request);
  if (!answer) {
    Error error = answer.error();
    if (error.code == ErrorCode::Unreachable) {
      error.context += "; is it running, and may you read its state folder?";
    }
    return tl::unexpected(std::move(error));
  }
  return answer;
}

// The sentence in an answer that says no; empty: it says yes.
std::string refusal_in(const std::string& answer) {
  const auto document = json::parse(answer);
  const auto error = document ? json::as_string(json::find(*document, "error"))
                              : std::optional<std::string_view>{};
  return error ? std::string(*error) : "";
}

std::string request_json(const char* command, const std::string& device) {
  rapidjson::StringBuffer buffer;
  json::Writer out(buffer);
  out.StartObject();
  out.Key("command");
  out.String(command);
  out.Key("device");
  out.String(device);
  out.EndObject();
  return buffer.GetString();
}

std::string onboard_json(const char* wish, const std::string& name, const std::string& id) {
  rapidjson::StringBuffer buffer;
  json::Writer out(buffer);
  out.StartObject();
  out.Key("command");
  out.String("onboard");
  if (wish != nullptr) {
    out.Key(wish);
    out.String(name);
  }
  if (!id.empty()) {
    out.Key("id");
    out.String(id);
  }
  out.EndObject();
  return buffer.GetString();
}

Outcome show_why(const std::string& answer, bool json, const Surroundings& world) {
  if (const auto refusal = refusal_in(answer); !refusal.empty()) {
    return {kExitProblems, "", "hubward: " + refusal + "\n"};
  }
  if (json) return {kExitFine, answer + "\n", ""};
  const auto text = why_text(answer, Paint(world.colour));
  if (!text) return not_understood(text.error().context);
  return {kExitFine, *text, ""};
}

}  // namespace

Outcome perform(const ShowStatus& command, const Surroundings& world) {
  const auto answer =
      ask_gateway(command.folder, command.state_folder, R"({"command":"status"})", world);
  if (!answer) return not_reached(answer.error().context);
  if (command.json) return {kExitFine, *answer + "\n", ""};
  const auto text = status_text(*answer, Paint(world.colour));
  if (!text) return not_understood(text.error().context);
  return {kExitFine, *text, ""};
}

// A running gateway has measured how fast the devices answer; without one that is assumed.
Outcome perform(const Plan& command, const Surroundings& world) {
  const auto site = config::load_site(command.folder, world.files, AnySecret());
  if (!site.settings) {
    return {kExitProblems, "",
            "hubward: the configuration has errors; `hubward check --config " + command.folder +
                "` shows them\n"};
  }
  const auto status = ask_gateway(command.folder, {}, R"({"command":"status"})", world);
  const auto text =
      plan_text(*site.settings, command.device, status ? turnarounds_in(*status) : Turnarounds{},
                Paint(world.colour));
  if (text) return {kExitFine, *text, ""};
  const bool exists = std::ranges::find(site.settings->devices, command.device,
                                        &DeviceDescription::id) != site.settings->devices.end();
  return {kExitProblems, "",
          exists
              ? "hubward: " + command.device +
                    " is no Modbus device, and only of those there is a plan; hubward status and "
                    "the page show what it last said\n"
              : "hubward: there is no device with the id " + command.device + " in " +
                    command.folder + "\n"};
}

Outcome perform(const Maintenance& command, const Surroundings& world) {
  std::string request = R"({"command":"maintenance"})";
  if (command.wish == Maintenance::Wish::On) {
    request = R"({"command":"maintenance","paused":true})";
  } else if (command.wish == Maintenance::Wish::Off) {
    request = R"({"command":"maintenance","paused":false})";
  }
  const auto answer = ask_gateway(command.folder, {}, request, world, Patience::Long);
  if (!answer) return not_reached(answer.error().context);
  const auto document = json::parse(*answer);
  const auto paused =
      document ? json::as_bool(json::find(*document, "paused")) : std::optional<bool>{};
  if (!paused) return not_understood(*answer);
  const std::string said = *paused ? "Maintenance is on: no command reaches the plant.\n"
                                   : "Maintenance is off: commands reach the plant.\n";
  if (const auto why = json::as_string(json::find(*document, "not_remembered"))) {
    return {kExitProblems, said,
            "hubward: it could not be written down (" + std::string(*why) +
                "): when hubward restarts, it is off. Say it again when the disk works.\n"};
  }
  return {kExitFine, said, ""};
}

Outcome perform(const ExportQuarantine& command, const Surroundings& world) {
  if (command.remove_up_to) {
    const std::string place = std::to_string(*command.remove_up_to);
    const auto removed = ask_gateway(
        command.folder, {}, R"({"command":"quarantine","remove_up_to":)" + place + "}", world);
    if (!removed) return not_reached(removed.error().context);
    const auto document = json::parse(*removed);
    if (!document || !json::find(*document, "removed_up_to")) return not_understood(*removed);
    return {kExitFine, "The messages set aside up to place " + place + " are removed.\n", ""};
  }
  const auto answer = ask_gateway(command.folder, {}, R"({"command":"quarantine"})", world);
  if (!answer) return not_reached(answer.error().context);
  // The answer holds whole message bodies.
  const auto document = json::parse(*answer, {.bytes_max = 256 * 1024 * 1024});
  const json::Value* messages = document ? json::find(*document, "messages") : nullptr;
  if (messages == nullptr || !messages->IsArray()) return not_understood(*answer);
  Outcome outcome;
  for (const auto& message : messages->GetArray()) outcome.out += json::to_text(message) + "\n";
  // Beside the export, whose lines are messages.
  if (messages->Empty()) outcome.err = "hubward: no message is set aside\n";
  return outcome;
}

Outcome perform(const Why& command, const Surroundings& world) {
  const auto state_folder = config::state_folder_of(command.folder, world.files);
  if (!state_folder) return not_reached(state_folder.error().context);
  const auto answer =
      world.ask_patiently(*state_folder + "/control.sock", request_json("why", command.device));
  if (answer) return show_why(*answer, command.json, world);
  if (answer.error().code != ErrorCode::Unreachable) return not_reached(answer.error().context);
  // No gateway answers there: the walk is ours.
  const auto site = config::load_site(command.folder, world.files, world.secrets);
  if (!site.settings) return refuse_to_run(command.folder, site);
  const auto walked = world.walk_alone(*site.settings, command.device);
  if (!walked) return {kExitProblems, "", "hubward: " + walked.error().context + "\n"};
  return show_why(*walked, command.json, world);
}

Outcome perform(const DrillFailover& command, const Surroundings& world) {
  const auto state_folder = config::state_folder_of(command.folder, world.files);
  if (!state_folder) return not_reached(state_folder.error().context);
  const auto answer =
      world.ask_patiently(*state_folder + "/control.sock", request_json("drill", command.device));
  if (!answer) return not_reached(answer.error().context);
  if (const auto refusal = refusal_in(*answer); !refusal.empty()) {
    return {kExitProblems, "", "hubward: " + refusal + "\n"};
  }
  const auto shown = drill_text(*answer, Paint(world.colour));
  if (!shown) return not_understood(shown.error().context);
  return {shown->fine ? kExitFine : kExitProblems, command.json ? *answer + "\n" : shown->text, ""};
}

Outcome perform(const Onboard& command, const Surroundings& world) {
  using Wish = Onboard::Wish;
  const char* wish = command.wish == Wish::Approve  ? "approve"
                     : command.wish == Wish::Refuse ? "refuse"
                                                    : nullptr;
  const std::string request = onboard_json(wish, command.name, command.id);
  // An approval reads the whole configuration, and stands in line behind others.
  const auto answer = ask_gateway(command.folder, {}, request, world,
                                  command.wish == Wish::Approve ? Patience::Long : Patience::Short);
  if (!answer) return not_reached(answer.error().context);
  if (const auto refusal = refusal_in(*answer); !refusal.empty()) {
    return {kExitProblems, "", "hubward: " + refusal + "\n"};
  }
  const auto document = json::parse(*answer);
  if (!document) return not_understood(*answer);
  if (command.wish == Wish::Refuse) {
    return {kExitFine,
            "It is not heard any more; `hubward onboard approve` lets it wait again. So that it "
            "cannot even log in, take its user from the broker.\n",
            ""};
  }
  if (command.wish == Wish::Approve &&
      json::as_bool(json::find(*document, "waits_again")).value_or(false)) {
    return {kExitFine,
            command.name +
                " is no longer refused. It waits from its next message on; approve it "
                "then once more.\n",
            ""};
  }
  if (command.wish == Wish::Approve) {
    const auto id = json::as_string(json::find(*document, "approved"));
    const auto file = json::as_string(json::find(*document, "file"));
    if (!id || !file) return not_understood(*answer);
    const std::string later(
        json::as_string(json::find(*document, "why_later")).value_or(std::string_view()));
    std::string said = "The device " + std::string(*id) + " is approved; its file is " +
                       std::string(*file) + ".\n";
    said += later.empty()
                ? "It runs. What it says from now on is stored; `hubward status` shows it.\n"
                : "It begins at the next start: " + later + ".\n";
    return {kExitFine, said, ""};
  }
  if (command.json) return {kExitFine, *answer + "\n", ""};
  if (!json::as_bool(json::find(*document, "expected")).value_or(false)) {
    return {kExitFine, "gateway.json has no rule for new devices (\"onboarding\").\n", ""};
  }
  const std::string text = newcomers_text(*document, std::nullopt, SIZE_MAX, Paint(world.colour));
  return {kExitFine,
          text.empty() ? "No device waits to be approved. A new one does from its first message "
                         "on, once the broker lets it in.\n"
                       : text,
          ""};
}

}  // namespace hubward::cli
