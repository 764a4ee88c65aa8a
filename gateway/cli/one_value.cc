#include "gateway/cli/one_value.h"

#include <charconv>

#include "gateway/api/failure_words.h"
#include "gateway/config/value_types.h"

namespace hubward::cli {

Outcome misuse(std::string why) { return {kExitMisuse, "", "hubward: " + std::move(why) + "\n"}; }
Outcome problem(std::string why) {
  return {kExitProblems, "", "hubward: " + std::move(why) + "\n"};
}

Outcome say_way(Outcome outcome, const ModbusWay& way) {
  outcome.err += "hubward: " + std::string(outcome.status == kExitFine ? "went " : "tried ") +
                 way.words + "\n";
  return outcome;
}

std::string words_of(const Error& error) {
  if (error.code == ErrorCode::CommandExpired) return error.context;
  if (error.code == ErrorCode::WritesPaused) {
    return "maintenance is on, and nothing is written; `hubward maintenance off` ends it";
  }
  std::string words(words_for(error.code).name);
  // "No answer" says no more than the name does.
  if (!error.context.empty() && error.code != ErrorCode::NoAnswer) {
    const bool has_brackets = error.context.find('(') != std::string::npos;
    words += has_brackets ? ": " + error.context : " (" + error.context + ")";
  }
  if (error.code == ErrorCode::PortUnavailable &&
      error.context.find("in use") != std::string::npos) {
    words += "; a running gateway keeps its ports for itself";
  }
  return words;
}

namespace {

std::string_view look_at(const Error& error, const ModbusWay& way) {
  const bool tcp = std::holds_alternative<TcpEndpoint>(way.attachment);
  const bool converter = std::holds_alternative<modbus::RtuOverTcp>(way.attachment);
  switch (error.code) {
    case ErrorCode::NoAnswer:
      if (tcp) {
        return "Is it the right unit id (hubward scan)? A converter that passes RTU frames on as "
               "they are is asked with --rtu HOST:PORT, and is modbus_rtu_tcp in a device's file.";
      }
      if (converter) {
        return "Is the device on, is its unit id right (hubward scan), does the converter have the "
               "device's baud rate and parity, are the wires swapped? What speaks Modbus TCP is "
               "asked with --tcp, and is modbus_tcp in a device's file.";
      }
      return "Is the device on, are unit id, baud rate and parity right (hubward scan tries many), "
             "are the wires swapped?";
    case ErrorCode::BadFrame:
      if (tcp) {
        return "A converter that passes RTU frames on as they are is asked with --rtu HOST:PORT, "
               "and is modbus_rtu_tcp in a device's file.";
      }
      if (converter) {
        return "What speaks Modbus TCP is asked with --tcp, and is modbus_tcp in a device's file. "
               "Else look at baud rate and parity of the converter, shielding and termination.";
      }
      return "Look at baud rate and parity (hubward scan tries many), shielding and termination.";
    case ErrorCode::DeviceUnreachable:
      return "Is the device on and in this network, is its address right?";
    case ErrorCode::DeviceNotListening:
      return "Are address and port right, is Modbus switched on there? Some serve only one or two "
             "connections.";
    case ErrorCode::DeviceNameUnknown:
      return "Is the name right? The device's address (192.168.1.20) needs no name server.";
    case ErrorCode::IllegalDataAddress:
      return "Often the address is one off, or the manual's number was taken for the address on "
             "the "
             "wire (manual:40013 is holding:12), or it stands in the other table (input, holding).";
    case ErrorCode::IllegalFunction:
      return "Some devices have only holding or only input registers.";
    case ErrorCode::IllegalDataValue:
      return "Some devices give a value of several registers only as a whole: are type and count "
             "right?";
    default:
      return "";
  }
}

}  // namespace

std::string words_of(const Error& error, const ModbusWay& way) {
  const std::string_view more = look_at(error, way);
  return words_of(error) + (more.empty() ? "" : ". " + std::string(more));
}

Result<std::vector<std::uint16_t>> values_in(const Result<modbus::Answer>& answer) {
  if (!answer) return tl::unexpected(answer.error());
  if (const auto* exception = std::get_if<modbus::ExceptionAnswer>(&*answer)) {
    return failure(modbus::failure_of(exception->code), ErrorKind::Permanent,
                   modbus::describe(exception->code));
  }
  const auto* read = std::get_if<modbus::ReadAnswer>(&*answer);
  if (read == nullptr) return failure(ErrorCode::UnexpectedAnswer, ErrorKind::Corrupt);
  return read->values;
}

Result<Wanted> wanted(const ValueWords& words, const std::vector<KnownTag>& tags) {
  const auto says = [](std::string sentence) {
    return failure(ErrorCode::Malformed, ErrorKind::Permanent, std::move(sentence));
  };
  const bool has_format = !words.type.empty() || words.words_low_first || words.bytes_low_first;
  auto address = config::parse_register_address(words.address);
  const KnownTag* tag = address ? nullptr : find_tag(tags, words.address);
  if (!address && tag == nullptr && words.address.find("0x") != std::string_view::npos) {
    return says("\"" + std::string(words.address) +
                "\": addresses are written in decimal, holding:16 for 0x10");
  }
  if (!address && tag == nullptr) {
    return says("\"" + std::string(words.address) + "\" is " +
                (tags.empty() ? "" : "the name of no tag and ") +
                "no address; write holding:12 for the address on the wire (from 0; coil, discrete, "
                "input or holding), or manual:40013 as manuals number it");
  }
  if (tag != nullptr) {
    address = config::RegisterAddress{tag->where.table, tag->where.address};
  } else if (!has_format) {
    // The one tag that begins there; of several nobody knows which is meant.
    for (const KnownTag& one : tags) {
      if (one.where.table != address->table || one.where.address != address->address) continue;
      if (tag != nullptr) {
        tag = nullptr;
        break;
      }
      tag = &one;
    }
  }
  if (tag != nullptr && !has_format) {
    return Wanted{*address, static_cast<const modbus::ValueFormat&>(tag->where), tag};
  }
  const bool bits = modbus::holds_bits(address->table);
  auto format = format_of_type(bits ? "bool" : words.type.empty() ? "uint16" : words.type);
  if (!format) {
    std::string known;
    for (const auto& [name, type] : config::kValueTypes) {
      known += (known.empty() ? "" : ", ") + std::string(name);
    }
    return says("there is no type \"" + std::string(words.type) + "\"; there are " + known);
  }
  if (words.words_low_first) format->word_order = modbus::WordOrder::LowFirst;
  if (words.bytes_low_first) format->byte_order = modbus::ByteOrder::LowFirst;
  return Wanted{*address, std::move(*format), nullptr};
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

}  // namespace hubward::cli
