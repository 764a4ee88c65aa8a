// Commands that read what Modbus devices hold, and who is there.
#include <algorithm>
#include <array>
#include <charconv>

#include "gateway/api/failure_words.h"
#include "gateway/cli/lens.h"
#include "gateway/cli/modbus_target.h"
#include "gateway/cli/modbus_way.h"
#include "gateway/cli/one_value.h"
#include "gateway/cli/perform.h"
#include "gateway/cli/value_text.h"

namespace hubward::cli {
namespace {

using modbus::Answer;
using modbus::Request;

// A unit that is there and has no function 43 may need its time to say so: libmodbus waits for half
// a second, and throws away what it is sent meanwhile.
constexpr std::chrono::milliseconds kIdentificationTimeMin{1000};

// Where a read goes, and how.
struct Reader {
  const ModbusPlace& place;
  const ModbusWay& way;
  const Surroundings& world;

  [[nodiscard]] Result<std::vector<std::uint16_t>> read(const modbus::ReadRequest& request) const {
    return values_in(
        ask_over(way, {{place.unit, request}}, {.answer_time = place.response_timeout}, world)
            .at(0));
  }
};

// With its neighbours if the device has them, for what may be one off; else less and less.
Outcome show_lens(const Reader& reader, const config::RegisterAddress& at) {
  const auto before = static_cast<std::uint16_t>(at.address > 0 ? at.address - 1 : 0);
  const std::array<std::pair<std::uint16_t, std::uint16_t>, 5> tries{
      {{before, 10}, {before, 6}, {at.address, 4}, {at.address, 2}, {at.address, 1}}};
  Error last{};
  for (const auto& [first, count] : tries) {
    const auto room = static_cast<std::uint16_t>(std::min(0x10000 - first, int{count}));
    const auto values = reader.read({at.table, first, room});
    if (values) return {kExitFine, lens_text(at, first, *values), ""};
    last = values.error();
    if (last.code != ErrorCode::IllegalDataAddress && last.code != ErrorCode::IllegalDataValue) {
      break;
    }
  }
  return problem(words_of(last));
}

// The name in an identification, "Acme PC V2.1"; nothing without one.
std::string identity_in(const Result<Answer>& answer) {
  std::string words;
  const auto* identification = answer ? std::get_if<modbus::Identification>(&*answer) : nullptr;
  if (identification == nullptr) return words;
  for (const auto& [id, text] : identification->objects) {
    if (text.empty()) continue;
    const std::string shown = value_text(text);
    words += (words.empty() ? "" : " ") + shown.substr(1, shown.size() - 2);
  }
  return words;
}

bool is_there(const Result<Answer>& answer) {
  if (!answer) return false;
  const auto* exception = std::get_if<modbus::ExceptionAnswer>(&*answer);
  return exception == nullptr ||
         (exception->code != modbus::ExceptionCode::GatewayPathUnavailable &&
          exception->code != modbus::ExceptionCode::GatewayTargetFailedToRespond);
}

// The lines of a serial port to try, or the endpoint as it is.
std::vector<modbus::Attachment> lines_of(const modbus::Attachment& attachment,
                                         const Scan& command) {
  const auto* port = std::get_if<SerialSettings>(&attachment);
  if (port == nullptr) return {attachment};
  std::vector<modbus::Attachment> lines;
  for (const std::uint32_t baud : numbers_in(command.bauds, 4'000'000)) {
    for (const auto& [name, parity] :
         {std::pair{"even", Parity::Even}, {"none", Parity::None}, {"odd", Parity::Odd}}) {
      if (command.parities.find(name) == std::string::npos) continue;
      SerialSettings line = *port;
      line.baud = baud;
      line.parity = parity;
      lines.emplace_back(line);
    }
  }
  return lines;
}

std::string line_name(const modbus::Attachment& attachment) {
  const auto* line = std::get_if<SerialSettings>(&attachment);
  if (line == nullptr) return "";
  const char* parity = line->parity == Parity::None  ? "none"
                       : line->parity == Parity::Odd ? "odd"
                                                     : "even";
  return " at " + std::to_string(line->baud) + " baud, parity " + parity;
}

}  // namespace

Outcome perform(const ReadOnce& command, const Surroundings& world) {
  const auto place = find_target(command.at, world);
  if (!place) return misuse(place.error().context);
  if (is_everybody(*place)) {
    return misuse(
        "unit 0 is all units of the line, and none of them would answer; it is for writes");
  }
  const auto value = wanted(command, place->tags);
  if (!value) return misuse(value.error().context);
  modbus::ValueFormat format = value->format;
  std::uint16_t values_wanted = command.count;
  if (format.type == modbus::ValueType::Text && value->tag == nullptr) {  // of so many characters
    format.text_bytes = command.count;
    values_wanted = 1;
  }
  const std::size_t width = modbus::width(format);
  const std::size_t registers = width * values_wanted;
  if (registers > modbus::kReadRegistersMax || value->address.address + registers > 0x10000) {
    return misuse("one request reads at most 125 registers, and none past 65535");
  }
  const auto way = find_way(place->attachment, command.at.folder, world);
  if (!way) return problem(way.error().context);
  const Reader reader{*place, *way, world};
  if (command.as_all) return say_way(show_lens(reader, value->address), *way);
  const auto read = reader.read(
      {value->address.table, value->address.address, static_cast<std::uint16_t>(registers)});
  if (!read) return say_way(problem(words_of(read.error())), *way);
  Outcome outcome;
  for (std::size_t i = 0; i < registers; i += width) {
    auto at = value->address;
    at.address = static_cast<std::uint16_t>(at.address + i);
    const auto decoded = decode(std::span(*read).subspan(i, width), format);
    outcome.out += to_text(at) + "  " +
                   (decoded ? value_text(*decoded) : "bad: " + decoded.error().context) + "\n";
  }
  return say_way(std::move(outcome), *way);
}

Outcome perform(const Scan& command, const Surroundings& world) {
  const auto attachment = attachment_of(command.where);
  if (!attachment) return misuse(attachment.error().context);
  const bool serial = std::holds_alternative<SerialSettings>(*attachment);
  // MODBUS over Serial Line V1.02, section 2.2: 0 is broadcast, the rest is reserved.
  const auto units = numbers_in(command.units, serial ? 247 : 255);
  if (units.empty() || (serial && units.front() == 0)) {
    return misuse("\"" + command.units + "\" are no units; write 1-20,33");
  }
  const auto way = find_way(*attachment, command.folder, world);
  if (!way) return problem(way.error().context);
  // The gateway's line runs as it is configured.
  const auto lines = way->socket.empty() ? lines_of(*attachment, command)
                                         : std::vector<modbus::Attachment>{*attachment};
  if (lines.empty()) return misuse("no baud rate and parity to try");
  Outcome outcome;
  std::string trouble;
  for (const auto& line : lines) {
    AskOptions options{.answer_time = std::chrono::milliseconds{command.timeout_ms}};
    ModbusWay this_way = *way;
    this_way.attachment = line;
    const std::string name = way->socket.empty()  ? line_name(line)
                             : way->speed.empty() ? ""
                                                  : " at " + way->speed;
    std::vector<modbus::Ask> asks;
    for (const std::uint32_t unit : units) {
      asks.push_back({static_cast<std::uint8_t>(unit),
                      modbus::ReadRequest{modbus::Table::HoldingRegister, 0, 1}});
    }
    options.tell_progress = true;
    const auto answers = ask_over(this_way, asks, options, world);
    std::vector<modbus::Ask> who;
    for (std::size_t i = 0; i < answers.size(); ++i) {
      const ErrorCode code = answers[i] ? ErrorCode{} : answers[i].error().code;
      if (!answers[i] && code != ErrorCode::NoAnswer && code != ErrorCode::BadFrame &&
          code != ErrorCode::UnexpectedAnswer) {
        trouble = words_of(answers[i].error());  // the question itself did not get through
      }
      if (is_there(answers[i])) who.push_back({asks[i].unit, modbus::ReadIdentification{1, 0}});
    }
    options.tell_progress = false;
    options.answer_time = std::max(options.answer_time, kIdentificationTimeMin);
    const auto names = who.empty() ? std::vector<Result<modbus::Answer>>{}
                                   : ask_over(this_way, who, options, world);
    for (std::size_t i = 0; i < who.size(); ++i) {
      const std::string words = identity_in(names[i]);
      outcome.out += "unit " + std::to_string(who[i].unit) + name + ": " +
                     (words.empty() ? "answers, does not say what it is" : words) + "\n";
    }
    if (!trouble.empty()) break;
  }
  if (!trouble.empty()) {
    outcome.status = kExitProblems;
    outcome.err = "hubward: not all units were asked: " + trouble + "\n";
  } else if (outcome.out.empty()) {
    outcome = {kExitProblems, "No unit answers.\n", ""};
  }
  outcome = say_way(std::move(outcome), *way);
  if (serial && !way->socket.empty()) {
    outcome.err +=
        "hubward: other baud rates and parities can be tried while the gateway is stopped\n";
  }
  return outcome;
}

}  // namespace hubward::cli
