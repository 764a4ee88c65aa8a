// `hubward scan`: which units answer at a place.
#include <algorithm>

#include "gateway/api/failure_words.h"
#include "gateway/cli/modbus_target.h"
#include "gateway/cli/modbus_way.h"
#include "gateway/cli/one_value.h"
#include "gateway/cli/perform.h"
#include "gateway/cli/value_text.h"

namespace hubward::cli {
namespace {

using modbus::Answer;

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

// One walk over the units at each baud rate and parity. What is found is put out at once.
class Search {
 public:
  Search(const ModbusWay& way, std::vector<std::uint32_t> units,
         std::vector<modbus::Attachment> lines, std::chrono::milliseconds answer_time,
         const Surroundings& world)
      : way_(way),
        units_(std::move(units)),
        lines_(std::move(lines)),
        answer_time_(answer_time),
        world_(world) {}

  Outcome run() {
    for (const auto& line : lines_) {
      walk(line);
      if (!trouble_.empty()) break;
    }
    if (world_.put_out) world_.put_out("");
    if (!trouble_.empty()) {
      outcome_.status = kExitProblems;
      outcome_.err = "hubward: not all units were asked: " + trouble_ + "\n";
    } else if (!found_any_) {
      outcome_.status = kExitProblems;
      outcome_.out += "No unit answers.\n";
      if (!damage_.empty()) outcome_.err = "hubward: something was heard: " + damage_ + "\n";
    }
    return std::move(outcome_);
  }

 private:
  void walk(const modbus::Attachment& line) {
    ModbusWay way = way_;
    way.attachment = line;
    line_ = way.socket.empty() ? line_name(line) : way.speed.empty() ? "" : " at " + way.speed;
    std::vector<modbus::Ask> asks;
    for (const std::uint32_t unit : units_) {
      asks.push_back({static_cast<std::uint8_t>(unit),
                      modbus::ReadRequest{modbus::Table::HoldingRegister, 0, 1}});
    }
    const AskOptions options{.answer_time = answer_time_,
                             .heard = [this](const modbus::Ask& ask, const Result<Answer>& answer) {
                               return heard(ask, answer);
                             }};
    for (const auto& answer : ask_over(way, asks, options, world_)) {
      const ErrorCode code = answer ? ErrorCode{} : answer.error().code;
      if (answer || code == ErrorCode::NoAnswer || code == ErrorCode::UnexpectedAnswer) continue;
      // All else is of the connection: the question itself did not get through.
      (code == ErrorCode::BadFrame ? damage_ : trouble_) = words_of(answer.error(), way);
    }
    // Those that the connection was lost behind.
    while (!unnamed_.empty()) found(unnamed_.front(), "");
  }

  std::optional<modbus::Ask> heard(const modbus::Ask& ask, const Result<Answer>& answer) {
    if (std::holds_alternative<modbus::ReadIdentification>(ask.request)) {
      found(ask.unit, identity_in(answer));
      return std::nullopt;
    }
    ++asked_;
    if (world_.tell_progress) {
      world_.tell_progress("asked " + std::to_string(asked_) + " of " +
                           std::to_string(units_.size() * lines_.size()) + line_);
    }
    if (!is_there(answer)) return std::nullopt;
    unnamed_.push_back(ask.unit);
    return modbus::Ask{ask.unit, modbus::ReadIdentification{1, 0}};
  }

  void found(std::uint8_t unit, const std::string& identity) {
    std::erase(unnamed_, unit);
    found_any_ = true;
    const std::string text = "unit " + std::to_string(unit) + line_ + ": " +
                             (identity.empty() ? "answers, does not say what it is" : identity) +
                             "\n";
    if (world_.put_out) {
      world_.put_out(text);
    } else {
      outcome_.out += text;
    }
  }

  const ModbusWay& way_;
  const std::vector<std::uint32_t> units_;
  const std::vector<modbus::Attachment> lines_;
  const std::chrono::milliseconds answer_time_;
  const Surroundings& world_;
  std::string line_;                   // " at 9600 baud, parity none"
  std::vector<std::uint8_t> unnamed_;  // answered, and are asked what they are
  std::size_t asked_ = 0;
  bool found_any_ = false;
  std::string trouble_;
  std::string damage_;
  Outcome outcome_;
};

}  // namespace

Outcome perform(const Scan& command, const Surroundings& world) {
  const auto attachment = attachment_of(command.where);
  if (!attachment) return misuse(attachment.error().context);
  const bool serial = std::holds_alternative<SerialSettings>(*attachment);
  const bool line = !std::holds_alternative<TcpEndpoint>(*attachment);
  // MODBUS over Serial Line V1.02, section 2.2: 0 is broadcast, the rest is reserved.
  auto units = numbers_in(command.units, line ? 247 : 255);
  if (units.empty() || (line && units.front() == 0)) {
    return misuse("\"" + command.units + "\" are no units; write 1-20,33");
  }
  const auto way = find_way(*attachment, command.folder, world);
  if (!way) return problem(way.error().context);
  // The gateway's line runs as it is configured.
  auto lines = way->socket.empty() ? lines_of(*attachment, command)
                                   : std::vector<modbus::Attachment>{*attachment};
  if (lines.empty()) return misuse("no baud rate and parity to try");
  Search search(*way, std::move(units), std::move(lines),
                std::chrono::milliseconds{command.timeout_ms}, world);
  Outcome outcome = say_way(search.run(), *way);
  if (serial && !way->socket.empty()) {
    outcome.err +=
        "hubward: other baud rates and parities can be tried while the gateway is stopped\n";
  }
  return outcome;
}

}  // namespace hubward::cli
