// `hubward write`: to a tag with all that its configuration says, or past it where that is meant.
#include <algorithm>

#include "gateway/api/failure_words.h"
#include "gateway/cli/one_value.h"
#include "gateway/cli/perform.h"
#include "gateway/cli/value_text.h"
#include "gateway/cli/write_choice.h"
#include "proto/json.h"
#include "proto/modbus/refusal.h"

namespace hubward::cli {
namespace {

// What to write to which tag.
struct TagWrite {
  std::string device;
  std::string component;
  std::string tag;
  modbus::Value value;
};

std::string request_json(const TagWrite& write) {
  rapidjson::StringBuffer buffer;
  json::Writer out(buffer);
  const auto text = [&](const char* key, const std::string& value) {
    out.Key(key);
    out.String(value.data(), static_cast<rapidjson::SizeType>(value.size()));
  };
  out.StartObject();
  text("command", "write");
  text("device", write.device);
  text("component", write.component);
  text("tag", write.tag);
  out.Key("value");
  struct Put {
    json::Writer& out;
    void operator()(bool on) const { out.Bool(on); }
    void operator()(std::int64_t number) const { out.Int64(number); }
    void operator()(std::uint64_t number) const { out.Uint64(number); }
    // Infinity and NaN are no JSON: they come as nothing, which no tag takes.
    void operator()(double number) const {
      if (!out.Double(number)) out.Null();
    }
    void operator()(const std::string& words) const {
      out.String(words.data(), static_cast<rapidjson::SizeType>(words.size()));
    }
  };
  std::visit(Put{out}, write.value);
  out.EndObject();
  return {buffer.GetString(), buffer.GetSize()};
}

std::string holds_in(const json::Value& answer) {
  const json::Value* holds = json::find(answer, "holds");
  return holds != nullptr ? "; it holds " + json::to_text(*holds) : "";
}

constexpr const char* kSentToAll = "Sent to all units of the line; nobody confirms it.\n";

// "unit 1 at h:502 is not connected; not written": said in front already.
std::string without_outcome(const std::string& detail) {
  constexpr std::string_view kOutcome = "; not written";
  return detail.ends_with(kOutcome) ? detail.substr(0, detail.size() - kOutcome.size()) : detail;
}

// The same words for every write.
Outcome written(bool verified, const std::string& more) {
  return {kExitFine, (verified ? "Written and verified" : "Written, not read back") + more + ".\n",
          ""};
}
Outcome unknown(const std::string& why) {
  return problem("it is not known whether it was written: " + why);
}

Outcome outcome_in(const std::string& said) {
  const auto document = json::parse(said);
  const auto text = [&](const char* key) {
    return std::string(document ? json::as_string(json::find(*document, key)).value_or("") : "");
  };
  const std::string outcome = text("outcome");
  if (const std::string error = text("error"); !error.empty()) {
    return problem("not written: " + error);
  }
  if (outcome.empty()) return unknown("the answer is not understood: " + said.substr(0, 200));
  const std::string detail = text("detail");
  const std::string holds = holds_in(*document);
  if (outcome == "written") {
    const bool verified = json::as_bool(json::find(*document, "verified")).value_or(false);
    return written(verified, (verified || detail.empty() ? "" : " (" + detail + ")") + holds);
  }
  if (outcome == "sent") return {kExitFine, kSentToAll, ""};
  if (outcome == "unknown") return unknown(detail + holds);
  if (outcome == "expired") return problem("not written: " + without_outcome(detail));
  const std::string label = text("code");
  Error why{ErrorCode::WriteRefused, ErrorKind::Permanent, detail};
  for (const FailureWords& words : kFailureWords) {
    if (words.label == label) why.code = words.code;
  }
  // Nothing at the device can mend it: say where to look.
  const std::string advice = why.code == ErrorCode::BrokerRefused
                                 ? ". " + std::string(words_for(why.code).person_does)
                                 : "";
  return problem("refused: " + words_of(why) + holds + advice);
}

// The marker of a maintenance that was begun before the gateway stopped. Who may not look into the
// folder cannot know that there is none.
bool is_in_maintenance(const std::string& state_folder, const Surroundings& world) {
  const auto names = world.files.list(state_folder);
  return !names || std::ranges::find(*names, "maintenance") != names->end();
}

Outcome paused_alone(const std::string& state_folder) {
  return problem(
      "maintenance is on, or " + state_folder +
      " cannot be read to see that it is not, and nothing is written; `hubward maintenance off` of "
      "a running gateway ends it, or removing " +
      state_folder + "/maintenance");
}

Outcome write_tag(const TagWrite& write, const std::string& folder, const Surroundings& world) {
  const auto state_folder = config::state_folder_of(folder, world.files);
  if (!state_folder) return problem(state_folder.error().context);
  const std::string request = request_json(write);
  const auto say = [](Outcome outcome, const std::string& way) {
    outcome.err += "hubward: went " + way + "\n";
    return outcome;
  };
  if (world.tell_progress) {
    world.tell_progress("waiting up to 25 s for what becomes of it");
  }
  const auto said = world.ask_patiently(*state_folder + "/control.sock", request);
  if (world.put_out) world.put_out("");
  if (said) return say(outcome_in(*said), "through the running gateway");
  if (said.error().code == ErrorCode::PortUnavailable) {
    return problem("not written: " + said.error().context);
  }
  if (said.error().code != ErrorCode::Unreachable) return unknown(said.error().context);
  if (is_in_maintenance(*state_folder, world)) return paused_alone(*state_folder);
  const auto site = config::load_site(folder, world.files, AnySecret());
  if (!site.settings) {
    return misuse("the configuration in " + folder + " has problems; hubward check shows them");
  }
  return say(outcome_in(world.write_alone(*site.settings, request)),
             "over a connection of its own (" + said.error().context + ")");
}

Result<modbus::Request> request_for(const Wanted& value, const std::vector<std::uint16_t>& words) {
  const auto& [table, address] = value.address;
  if (words.size() > modbus::kWriteRegistersMax) {
    return failure(ErrorCode::LimitExceeded, ErrorKind::Permanent, "it takes too many registers");
  }
  if (table == modbus::Table::Coil) return modbus::WriteCoil{address, words.at(0) != 0};
  if (words.size() == 1) return modbus::WriteRegister{address, words.at(0)};
  return modbus::WriteRegisters{address, words};
}

Outcome not_answered(const Error& why, const std::string& holds, const ModbusWay& way) {
  const bool sent = why.code == ErrorCode::NoAnswer || why.code == ErrorCode::BadFrame ||
                    why.code == ErrorCode::UnexpectedAnswer || why.code == ErrorCode::PortLost;
  return sent ? unknown(words_of(why) + holds) : problem("not written: " + words_of(why, way));
}

// Past the configuration: written, and read back.
Outcome write_unlisted(const ModbusPlace& place, const Wanted& value,
                       const std::vector<std::uint16_t>& registers, const WriteOnce& command,
                       const Surroundings& world) {
  const auto request = request_for(value, registers);
  if (!request) return misuse(words_of(request.error()));
  const auto way = find_way(place.attachment, command.at.folder, world);
  if (!way) return problem(way.error().context);
  // A running gateway knows its tags, whatever has become of the files since.
  if (way->socket.empty() && place.tags_unknown && !command.without_config) {
    return misuse("not written: the configuration in " + command.at.folder +
                  " has problems, so nobody knows whether " + to_text(value.address) +
                  " is a tag with limits; hubward check shows the problems. --without-config "
                  "writes it all the same");
  }
  if (way->socket.empty()) {
    const auto state_folder = config::state_folder_of(command.at.folder, world.files);
    if (state_folder && is_in_maintenance(*state_folder, world)) return paused_alone(*state_folder);
  }
  const AskOptions options{.answer_time = place.response_timeout,
                           .writes = to_text(value.address) + " = " + command.value};
  if (is_everybody(place)) {
    const auto answer = ask_over(*way, {{place.unit, *request}}, options, world).at(0);
    return say_way(
        answer ? Outcome{kExitFine, kSentToAll, ""} : not_answered(answer.error(), "", *way), *way);
  }
  const auto count = static_cast<std::uint16_t>(registers.size());
  const modbus::ReadRequest read{value.address.table, value.address.address, count};
  // The first read shows that the unit is there, and whether the line repeats our own bytes to us.
  const auto answers = ask_over(
      *way, {{place.unit, read}, {place.unit, *request}, {place.unit, read}}, options, world);
  // The gateway may know a line of many units where our files name one device.
  if (answers.at(1) && std::holds_alternative<modbus::SentToAll>(*answers[1])) {
    return say_way({kExitFine, kSentToAll, ""}, *way);
  }
  const auto held = values_in(answers.at(2));
  const std::string at = to_text(value.address);
  const std::string holds =
      held ? "; " + at + " holds " +
                 value_text(decode(*held, value.format).value_or(std::string("?")))
           : "; it could not be read back: " + words_of(held.error());
  if (!answers[1]) {
    return say_way(not_answered(answers[1].error(), holds, *way), *way);
  }
  if (const auto* exception = std::get_if<modbus::ExceptionAnswer>(&*answers[1])) {
    const std::string why = modbus::describe(exception->code) + holds;
    const bool refused = modbus::leaves_unwritten(exception->code);
    return say_way(refused ? problem("refused: " + why) : unknown(why), *way);
  }
  if (!held) return say_way(written(false, holds), *way);
  if (*held != registers) {
    return say_way(unknown("the device confirmed it, and holds something else" + holds), *way);
  }
  return say_way(written(true, holds), *way);
}

// A tag by its name, at a device of any kind.
Outcome write_named(const WriteOnce& command, const Surroundings& world) {
  if (command.unlisted) return misuse("--unlisted is for an address, not for a tag");
  const auto star = command.address.find('*');
  const bool has_component = star != std::string::npos;
  TagWrite write{command.at.device, has_component ? command.address.substr(0, star) : "",
                 has_component ? command.address.substr(star + 1) : command.address,
                 value_from(command.value)};
  // Digits for a text are a text.
  const auto place = find_target(command.at, world);
  const KnownTag* tag = place ? find_tag(place->tags, command.address) : nullptr;
  if (tag != nullptr && tag->where.type == modbus::ValueType::Text) write.value = command.value;
  return write_tag(write, command.at.folder, world);
}

}  // namespace

Outcome perform(const WriteOnce& command, const Surroundings& world) {
  if (!command.at.device.empty() && !config::parse_register_address(command.address)) {
    return write_named(command, world);
  }
  const auto place = find_target(command.at, world);
  if (!place) return misuse(place.error().context);
  auto value = wanted(command, place->tags);
  if (!value) return misuse(value.error().context);
  if (!modbus::is_writable(value->address.table)) {
    return misuse("only coils and holding registers can be written");
  }
  const bool has_format =
      !command.type.empty() || command.words_low_first || command.bytes_low_first;
  modbus::Value given = value_from(command.value);
  if (value->format.type == modbus::ValueType::Text) {
    given = command.value;
    if (value->tag == nullptr) {
      value->format.text_bytes = static_cast<std::uint16_t>(
          std::min<std::size_t>(command.value.size(), modbus::kTextBytesMax));
    }
  }
  const WriteSpan span{value->address, modbus::width(value->format), has_format, command.unlisted};
  const auto choice = is_everybody(*place) ? choose_write_to_all(place->tags, span)
                                           : choose_write(place->tags, span);
  if (!choice.refusal.empty()) return misuse(choice.refusal);
  if (choice.tag != nullptr && choice.tag->where.broadcast && !is_everybody(*place)) {
    return misuse(to_text(value->address) + " is the tag " + full_name(choice.tag->what) + " of " +
                  choice.tag->device + ", which goes to all units of the line and not to unit " +
                  std::to_string(place->unit) + " alone; if that is meant, write it by its name, " +
                  "with --device " + choice.tag->device + ", or with --unit 0");
  }
  if (choice.tag != nullptr) {
    const TagDescription& tag = choice.tag->what;
    return write_tag({choice.tag->device, tag.component, tag.name, given}, command.at.folder,
                     world);
  }
  if (modbus::is_part(value->format)) return misuse("a whole register is written, not half of one");
  const auto registers = encode(given, value->format);
  if (!registers) return misuse(words_of(registers.error()));
  return write_unlisted(*place, *value, *registers, command, world);
}

}  // namespace hubward::cli
