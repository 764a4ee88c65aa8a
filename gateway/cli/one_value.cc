#include "gateway/cli/one_value.h"

#include <charconv>

#include "gateway/api/failure_words.h"

namespace hubward::cli {

Outcome misuse(std::string why) { return {kExitMisuse, "", "hubward: " + std::move(why) + "\n"}; }
Outcome problem(std::string why) {
  return {kExitProblems, "", "hubward: " + std::move(why) + "\n"};
}

Outcome say_way(Outcome outcome, const ModbusWay& way) {
  outcome.err += "hubward: went " + way.words + "\n";
  return outcome;
}

std::string words_of(const Error& error) {
  if (error.code == ErrorCode::CommandExpired) return error.context;
  if (error.code == ErrorCode::WritesPaused) {
    return "maintenance is on, and nothing is written; `hubward maintenance off` ends it";
  }
  std::string words(words_for(error.code).name);
  if (!error.context.empty()) words += " (" + error.context + ")";
  if (error.code == ErrorCode::PortUnavailable &&
      error.context.find("in use") != std::string::npos) {
    words += "; a running gateway keeps its ports for itself";
  }
  return words;
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
  if (!format) return says("there is no type \"" + std::string(words.type) + "\"");
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
