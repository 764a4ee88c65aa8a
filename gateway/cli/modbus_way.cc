#include "gateway/cli/modbus_way.h"

#include <algorithm>
#include <filesystem>

#include "gateway/api/failure_words.h"
#include "proto/base64.h"
#include "proto/json.h"

namespace hubward::cli {
namespace {

// In one question to the gateway; it takes 32.
constexpr std::size_t kAsksAtOnce = 16;
// For the turn of a read on a busy line, and for that of a write.
constexpr std::chrono::milliseconds kReadsWithin{90'000};
constexpr std::chrono::milliseconds kWritesWithin{10'000};

tl::unexpected<Error> says(std::string sentence) {
  return failure(ErrorCode::Malformed, ErrorKind::Permanent, std::move(sentence));
}

void write_text(json::Writer& out, const char* key, std::string_view text) {
  out.Key(key);
  out.String(text.data(), static_cast<rapidjson::SizeType>(text.size()));
}

std::string question(const std::string& line, std::span<const modbus::Ask> asks,
                     const AskOptions& options) {
  rapidjson::StringBuffer buffer;
  json::Writer out(buffer);
  out.StartObject();
  write_text(out, "command", "ask");
  write_text(out, "line", line);
  out.Key("answer_ms");
  out.Int64(options.answer_time.count());
  out.Key("within_ms");
  out.Int64((options.writes.empty() ? kReadsWithin : kWritesWithin).count());
  if (!options.writes.empty()) write_text(out, "write", options.writes);
  out.Key("asks");
  out.StartArray();
  for (const modbus::Ask& ask : asks) {
    out.StartObject();
    out.Key("unit");
    out.Uint(ask.unit);
    const auto pdu = modbus::encode_request(ask.request).value_or(std::vector<std::byte>{});
    write_text(out, "request", base64_encode(pdu));
    out.EndObject();
  }
  out.EndArray();
  out.EndObject();
  return {buffer.GetString(), buffer.GetSize()};
}

ErrorCode code_of(std::string_view label) {
  for (const FailureWords& words : kFailureWords) {
    if (words.label == label) return words.code;
  }
  return ErrorCode::PortLost;  // the word of another version: nothing that a unit said
}

Result<modbus::Answer> answer_in(const json::Value& one, const modbus::Request& request) {
  if (const auto text = json::as_string(json::find(one, "answer"))) {
    const auto pdu = base64_decode(*text);
    if (!pdu) return tl::unexpected(pdu.error());
    if (pdu->empty()) return modbus::SentToAll{};
    return modbus::parse_answer(request, *pdu);
  }
  return failure(code_of(json::as_string(json::find(one, "code")).value_or("")),
                 ErrorKind::Transient,
                 std::string(json::as_string(json::find(one, "detail")).value_or("")));
}

// One question to the gateway.
std::vector<Result<modbus::Answer>> ask_gateway(const ModbusWay& way,
                                                std::span<const modbus::Ask> asks,
                                                const AskOptions& options,
                                                const Surroundings& world) {
  const auto all_fail = [&](Error why) {
    return std::vector<Result<modbus::Answer>>(asks.size(), tl::unexpected(std::move(why)));
  };
  const auto said = world.ask_patiently(way.socket, question(way.line, asks, options));
  // PortLost, as of a line: it may have been asked, and the unit's silence is not known.
  if (!said) {
    return all_fail(Error{ErrorCode::PortLost, ErrorKind::Transient, said.error().context});
  }
  const auto document = json::parse(*said);
  const json::Value* answers = document ? json::find(*document, "answers") : nullptr;
  if (answers == nullptr || !answers->IsArray() || answers->Size() != asks.size()) {
    return all_fail(Error{ErrorCode::PortLost, ErrorKind::Transient,
                          "the gateway's answer is not understood: " + said->substr(0, 200)});
  }
  std::vector<Result<modbus::Answer>> out;
  for (std::size_t i = 0; i < asks.size(); ++i) {
    out.push_back(answer_in((*answers)[static_cast<rapidjson::SizeType>(i)], asks[i].request));
  }
  return out;
}

bool is_identification(const modbus::Ask& ask) {
  return std::holds_alternative<modbus::ReadIdentification>(ask.request);
}

// The first of these that go in one question, which has one time for an answer.
std::span<const modbus::Ask> asked_together(std::span<const modbus::Ask> asks) {
  const bool first = is_identification(asks.front());
  const auto other = std::ranges::find_if(
      asks, [&](const modbus::Ask& ask) { return is_identification(ask) != first; });
  return asks.first(std::min(kAsksAtOnce, static_cast<std::size_t>(other - asks.begin())));
}

bool found_no_moment(const Result<modbus::Answer>& answer) {
  return !answer && answer.error().code == ErrorCode::CommandExpired;
}

ModbusWay own_connection(const modbus::Attachment& attachment, const std::string& why) {
  ModbusWay way{attachment, {}, place_words(attachment), {}, {}};
  way.words = "over a connection of its own to " + way.line + " (" + why + ")";
  return way;
}

// Whose port it is, if devices of another kind have it.
std::string other_user_of(const modbus::Attachment& attachment, const std::string& folder,
                          const Surroundings& world) {
  if (!std::holds_alternative<SerialSettings>(attachment)) return {};
  const auto site = config::load_site(folder, world.files, AnySecret());
  if (!site.settings) return {};
  for (const auto& line : site.settings->serial_lines) {
    const auto* port = std::get_if<SerialSettings>(&line.attachment);
    if (port == nullptr || !is_same_place(*port, attachment) || line.devices.empty()) continue;
    return site.settings->devices[line.devices.front().device.value].id;
  }
  return {};
}

}  // namespace

std::string place_words(const modbus::Attachment& attachment) {
  if (const auto* line = std::get_if<SerialSettings>(&attachment)) return line->path;
  const auto* converter = std::get_if<modbus::RtuOverTcp>(&attachment);
  const TcpEndpoint& tcp =
      converter != nullptr ? converter->endpoint : std::get<TcpEndpoint>(attachment);
  const bool v6 = tcp.host.find(':') != std::string::npos;
  return (v6 ? "[" + tcp.host + "]" : tcp.host) + ":" + std::to_string(tcp.port);
}

bool is_same_place(const modbus::Attachment& a, const modbus::Attachment& b) {
  const std::string one = place_words(a);
  const std::string other = place_words(b);
  if (!one.starts_with('/') && !other.starts_with('/')) {  // host names in any case
    return std::ranges::equal(one, other, [](char x, char y) {
      const auto lower = [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
      };
      return lower(x) == lower(y);
    });
  }
  if (one == other) return true;
  std::error_code ignored;
  return one.starts_with('/') && other.starts_with('/') &&
         std::filesystem::weakly_canonical(one, ignored) ==
             std::filesystem::weakly_canonical(other, ignored);
}

Result<ModbusWay> find_way(const modbus::Attachment& attachment, const std::string& folder,
                           const Surroundings& world) {
  const auto state_folder = config::state_folder_of(folder, world.files);
  if (!state_folder) return own_connection(attachment, "no configuration in " + folder);
  const std::string socket = *state_folder + "/control.sock";
  const std::string place = place_words(attachment);
  const auto said = world.ask(socket, question(place, {}, {}));
  if (!said && said.error().code == ErrorCode::Unreachable) {
    return own_connection(attachment, said.error().context);
  }
  // Beside a gateway that hangs nobody opens a second connection.
  if (!said) return says(said.error().context);
  const auto document = json::parse(*said);
  if (document && json::as_bool(json::find(*document, "no_line")) == true) {
    if (const auto user = other_user_of(attachment, folder, world); !user.empty()) {
      return says("the running gateway uses " + place + " for " + user +
                  ", which does not speak Modbus; stop the gateway to ask anything else there");
    }
    return own_connection(attachment, "the running gateway has no such line");
  }
  const auto text = [&](const char* key) {
    return std::string(document ? json::as_string(json::find(*document, key)).value_or("") : "");
  };
  ModbusWay way{attachment, socket, text("line"), text("speed"), {}};
  if (way.line.empty()) return says("the gateway's answer is not understood: " + *said);
  way.words = "through the running gateway, on its line " + way.line +
              (way.speed.empty() ? "" : " (" + way.speed + ")");
  return way;
}

std::vector<Result<modbus::Answer>> ask_over(const ModbusWay& way,
                                             const std::vector<modbus::Ask>& asks,
                                             const AskOptions& options, const Surroundings& world) {
  if (way.socket.empty()) {
    return world.exchange(way.attachment, asks, options.answer_time, options.heard);
  }
  std::vector<modbus::Ask> todo = asks;
  std::vector<Result<modbus::Answer>> all;
  while (all.size() < todo.size()) {
    const auto part = asked_together(std::span(todo).subspan(all.size()));
    AskOptions part_options = options;
    if (is_identification(part.front())) {
      part_options.answer_time = std::max(options.answer_time, modbus::kIdentificationTimeMin);
    }
    auto answers = ask_gateway(way, part, part_options, world);
    // Those that found no moment are asked again, as long as any does.
    const auto first_late = std::ranges::find_if(answers, found_no_moment);
    const bool none_in_time = first_late == answers.begin();
    if (options.writes.empty() && !none_in_time) answers.erase(first_late, answers.end());
    std::vector<modbus::Ask> next;
    for (auto& answer : answers) {
      if (options.heard) {
        if (auto one = options.heard(todo[all.size()], answer)) next.push_back(std::move(*one));
      }
      all.push_back(std::move(answer));
    }
    while (none_in_time && all.size() < todo.size()) all.push_back(all.back());
    todo.insert(todo.begin() + static_cast<std::ptrdiff_t>(all.size()), next.begin(), next.end());
  }
  return all;
}

}  // namespace hubward::cli
