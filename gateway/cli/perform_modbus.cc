// Commands that speak to a Modbus device over a connection of their own.
#include <algorithm>
#include <array>
#include <charconv>

#include "gateway/api/failure_words.h"
#include "gateway/cli/lens.h"
#include "gateway/cli/modbus_target.h"
#include "gateway/cli/perform.h"
#include "gateway/cli/value_text.h"

namespace hubward::cli {
namespace {

using modbus::Answer;
using modbus::Request;

Outcome misuse(std::string why) { return {kExitMisuse, "", "hubward: " + std::move(why) + "\n"}; }
Outcome problem(std::string why) {
  return {kExitProblems, "", "hubward: " + std::move(why) + "\n"};
}

std::string words_of(const Error& error) {
  std::string words(words_for(error.code).name);
  if (!error.context.empty()) words += " (" + error.context + ")";
  if (error.code == ErrorCode::PortUnavailable) {
    words += "; a running gateway keeps its ports for itself";
  }
  return words;
}

// The registers that a read brought, or why not in words.
Result<std::vector<std::uint16_t>> values_in(const Result<Answer>& answer) {
  if (!answer) return tl::unexpected(answer.error());
  if (const auto* exception = std::get_if<modbus::ExceptionAnswer>(&*answer)) {
    return failure(modbus::failure_of(exception->code), ErrorKind::Permanent,
                   modbus::describe(exception->code));
  }
  return std::get<modbus::ReadAnswer>(*answer).values;
}

// What a command says about one value: where, and as what.
struct Wanted {
  config::RegisterAddress address;
  modbus::ValueFormat format;
};
template <class Command>
Result<Wanted> wanted(const Command& command) {
  const auto address = config::parse_register_address(command.address);
  if (!address) {
    return failure(ErrorCode::Malformed, ErrorKind::Permanent,
                   "\"" + command.address +
                       "\" is no address; write holding:12 for the address on the wire (from 0; "
                       "coil, discrete, input or holding), or manual:40013 as manuals number it");
  }
  auto format = format_of_type(modbus::holds_bits(address->table) ? "bool" : command.type);
  if (!format) {
    return failure(ErrorCode::Malformed, ErrorKind::Permanent,
                   "there is no type \"" + command.type + "\"");
  }
  if (command.words_low_first) format->word_order = modbus::WordOrder::LowFirst;
  if (command.bytes_low_first) format->byte_order = modbus::ByteOrder::LowFirst;
  return Wanted{*address, std::move(*format)};
}

Result<std::vector<std::uint16_t>> read_once(const ModbusPlace& place, modbus::Table table,
                                             std::uint16_t address, std::uint16_t count,
                                             const Surroundings& world) {
  const std::vector<modbus::Ask> asks{{place.unit, modbus::ReadRequest{table, address, count}}};
  return values_in(world.exchange(place.attachment, asks, place.response_timeout).at(0));
}

// With its neighbours if the device has them, for what may be one off; else less and less.
Outcome show_lens(const ModbusPlace& place, const config::RegisterAddress& at,
                  const Surroundings& world) {
  const auto before = static_cast<std::uint16_t>(at.address > 0 ? at.address - 1 : 0);
  const std::array<std::pair<std::uint16_t, std::uint16_t>, 5> tries{
      {{before, 10}, {before, 6}, {at.address, 4}, {at.address, 2}, {at.address, 1}}};
  Error last{};
  for (const auto& [first, count] : tries) {
    const auto room = static_cast<std::uint16_t>(std::min(0x10000 - first, int{count}));
    const auto values = read_once(place, at.table, first, room, world);
    if (values) return {kExitFine, lens_text(at, first, *values), ""};
    last = values.error();
    if (last.code != ErrorCode::IllegalDataAddress && last.code != ErrorCode::IllegalDataValue) {
      break;
    }
  }
  return problem(words_of(last));
}

modbus::Value value_from(const std::string& text) {
  const char* const end = text.data() + text.size();
  if (text == "true") return true;
  if (text == "false") return false;
  std::int64_t whole = 0;
  if (auto read = std::from_chars(text.data(), end, whole);
      read.ec == std::errc{} && read.ptr == end) {
    return whole;
  }
  std::uint64_t large = 0;
  if (auto read = std::from_chars(text.data(), end, large);
      read.ec == std::errc{} && read.ptr == end) {
    return large;
  }
  double real = 0;
  if (auto read = std::from_chars(text.data(), end, real);
      read.ec == std::errc{} && read.ptr == end) {
    return real;
  }
  return text;
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
  const auto value = wanted(command);
  if (!value) return misuse(value.error().context);
  const auto place = find_target(command.at, world);
  if (!place) return misuse(place.error().context);
  if (command.as_all) return show_lens(*place, value->address, world);
  modbus::ValueFormat format = value->format;
  std::uint16_t values_wanted = command.count;
  if (format.type == modbus::ValueType::Text) {  // of so many characters
    format.text_bytes = command.count;
    values_wanted = 1;
  }
  const std::size_t width = modbus::width(format);
  const std::size_t registers = width * values_wanted;
  if (registers > modbus::kReadRegistersMax || value->address.address + registers > 0x10000) {
    return misuse("one request reads at most 125 registers, and none past 65535");
  }
  const auto read = read_once(*place, value->address.table, value->address.address,
                              static_cast<std::uint16_t>(registers), world);
  if (!read) return problem(words_of(read.error()));
  Outcome outcome;
  for (std::size_t i = 0; i < registers; i += width) {
    auto at = value->address;
    at.address = static_cast<std::uint16_t>(at.address + i);
    const auto decoded = decode(std::span(*read).subspan(i, width), format);
    outcome.out += to_text(at) + "  " +
                   (decoded ? value_text(*decoded) : "bad: " + decoded.error().context) + "\n";
  }
  return outcome;
}

Outcome perform(const WriteOnce& command, const Surroundings& world) {
  auto value = wanted(command);
  if (!value) return misuse(value.error().context);
  const auto place = find_target(command.at, world);
  if (!place) return misuse(place.error().context);
  const auto& [table, address] = value->address;
  if (!modbus::is_writable(table)) {
    return misuse("only coils and holding registers can be written");
  }
  if (modbus::is_part(value->format)) return misuse("a whole register is written, not half of one");
  modbus::Value given = value_from(command.value);
  if (value->format.type == modbus::ValueType::Text) {
    given = command.value;
    value->format.text_bytes = static_cast<std::uint16_t>(
        std::min<std::size_t>(command.value.size(), modbus::kTextBytesMax));
  }
  const auto registers = encode(given, value->format);
  if (!registers) return misuse(words_of(registers.error()));
  Request request = modbus::WriteRegisters{address, *registers};
  if (table == modbus::Table::Coil) request = modbus::WriteCoil{address, registers->at(0) != 0};
  if (table == modbus::Table::HoldingRegister && registers->size() == 1) {
    request = modbus::WriteRegister{address, registers->at(0)};
  }
  const auto count = static_cast<std::uint16_t>(registers->size());
  const auto answers = world.exchange(
      place->attachment,
      {{place->unit, request}, {place->unit, modbus::ReadRequest{table, address, count}}},
      place->response_timeout);
  const auto held = values_in(answers.at(1));
  const std::string holds =
      held ? "; it holds " + value_text(decode(*held, value->format).value_or(std::string("?")))
           : "; it could not be read back: " + words_of(held.error());
  if (!answers[0]) {
    const bool sent = answers[0].error().code == ErrorCode::NoAnswer ||
                      answers[0].error().code == ErrorCode::BadFrame ||
                      answers[0].error().code == ErrorCode::UnexpectedAnswer ||
                      answers[0].error().code == ErrorCode::PortLost;
    return problem((sent ? "it is not known whether it was written: " : "not written: ") +
                   words_of(answers[0].error()) + (sent ? holds : ""));
  }
  if (const auto* exception = std::get_if<modbus::ExceptionAnswer>(&*answers[0])) {
    return problem("refused: " + modbus::describe(exception->code) + holds);
  }
  if (held && *held == *registers) {
    return {kExitFine, "Written, and read back" + holds + ".\n", ""};
  }
  return problem("the device confirmed the write" + holds);
}

Outcome perform(const Scan& command, const Surroundings& world) {
  const auto attachment = attachment_of(command.where);
  if (!attachment) return misuse(attachment.error().context);
  const auto units = numbers_in(command.units, 255);
  if (units.empty()) return misuse("\"" + command.units + "\" are no units; write 1-20,33");
  const auto lines = lines_of(*attachment, command);
  if (lines.empty()) return misuse("no baud rate and parity to try");
  Outcome outcome;
  std::size_t found = 0;
  for (const auto& line : lines) {
    std::vector<modbus::Ask> asks;
    for (const std::uint32_t unit : units) {
      asks.push_back({static_cast<std::uint8_t>(unit),
                      modbus::ReadRequest{modbus::Table::HoldingRegister, 0, 1}});
    }
    const std::chrono::milliseconds patience{command.timeout_ms};
    const auto answers = world.exchange(line, asks, patience);
    std::vector<modbus::Ask> who;
    for (std::size_t i = 0; i < answers.size(); ++i) {
      const ErrorCode code = answers[i] ? ErrorCode{} : answers[i].error().code;
      if (i == 0 && !answers[i] && code != ErrorCode::NoAnswer && code != ErrorCode::BadFrame &&
          code != ErrorCode::UnexpectedAnswer) {
        return problem(words_of(answers[i].error()));
      }
      if (is_there(answers[i])) who.push_back({asks[i].unit, modbus::ReadIdentification{1, 0}});
    }
    if (who.empty()) continue;
    const auto names = world.exchange(line, who, patience);
    for (std::size_t i = 0; i < who.size(); ++i) {
      const std::string name = identity_in(names[i]);
      outcome.out += "unit " + std::to_string(who[i].unit) + line_name(line) + ": " +
                     (name.empty() ? "answers, does not say what it is" : name) + "\n";
      ++found;
    }
  }
  if (found == 0) return {kExitProblems, "No unit answers.\n", ""};
  return outcome;
}

}  // namespace hubward::cli
