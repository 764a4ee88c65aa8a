// `hubward read`: what registers of a Modbus device hold.
#include <algorithm>
#include <array>

#include "gateway/api/failure_words.h"
#include "gateway/cli/lens.h"
#include "gateway/cli/modbus_target.h"
#include "gateway/cli/modbus_way.h"
#include "gateway/cli/one_value.h"
#include "gateway/cli/perform.h"
#include "gateway/cli/value_text.h"

namespace hubward::cli {
namespace {

// "pressure (input:5)", of a tag; and the unit of its values, " bar".
std::string named(const config::RegisterAddress& at, const KnownTag* tag) {
  return tag == nullptr ? to_text(at) : full_name(tag->what) + " (" + to_text(at) + ")";
}
std::string unit_of(const KnownTag* tag) {
  return tag == nullptr || tag->what.unit.empty() ? "" : " " + tag->what.unit;
}

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

// From one before the address, for what may be one off, as far as the device's table goes; then
// from the address. All over one connection.
std::vector<modbus::Ask> tries_for_lens(std::uint8_t unit, const config::RegisterAddress& at) {
  constexpr std::array<int, 7> kCounts{10, 6, 5, 4, 3, 2, 1};
  std::vector<modbus::Ask> tries;
  const auto add = [&](int first, int count) {
    if (first < 0 || first + count > 0x10000) return;
    tries.push_back({unit, modbus::ReadRequest{at.table, static_cast<std::uint16_t>(first),
                                               static_cast<std::uint16_t>(count)}});
  };
  for (const int count : kCounts) {
    if (count > 1) add(at.address - 1, count);
  }
  for (const int count : kCounts) add(at.address, count);
  return tries;
}

Outcome show_lens(const Reader& reader, const config::RegisterAddress& at) {
  const auto tries = tries_for_lens(reader.place.unit, at);
  std::size_t tried = 1;
  AskOptions options{.answer_time = reader.place.response_timeout};
  options.heard = [&](const modbus::Ask&,
                      const Result<modbus::Answer>& answer) -> std::optional<modbus::Ask> {
    const auto values = values_in(answer);
    const bool wants_less = !values && (values.error().code == ErrorCode::IllegalDataAddress ||
                                        values.error().code == ErrorCode::IllegalDataValue);
    if (!wants_less || tried == tries.size()) return std::nullopt;
    return tries[tried++];
  };
  const auto answers = ask_over(reader.way, {tries.front()}, options, reader.world);
  const auto values = values_in(answers.back());
  if (!values) return problem(words_of(values.error(), reader.way));
  const auto& last = std::get<modbus::ReadRequest>(tries[tried - 1].request);
  return {kExitFine, lens_text(at, last.address, *values), ""};
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
  if (!read) return say_way(problem(words_of(read.error(), *way)), *way);
  Outcome outcome;
  for (std::size_t i = 0; i < registers; i += width) {
    auto at = value->address;
    at.address = static_cast<std::uint16_t>(at.address + i);
    const auto decoded = decode(std::span(*read).subspan(i, width), format);
    outcome.out +=
        named(at, i == 0 ? value->tag : nullptr) + "  " +
        (decoded ? value_text(*decoded) + unit_of(value->tag) : "bad: " + decoded.error().context) +
        "\n";
  }
  return say_way(std::move(outcome), *way);
}

}  // namespace hubward::cli
