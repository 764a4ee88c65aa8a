#include "gateway/config/line_load.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>
#include <utility>

#include "proto/modbus/types.h"

namespace hubward::config {
namespace {

// Address, function, start, count, checksum; and address, function, length, checksum around data.
constexpr double kRequestBytes = 8;
constexpr double kAnswerFrameBytes = 5;

// Modbus over Serial Line V1.02, section 2.5.1.1: frames are 3.5 characters apart, or 1.75 ms above
// 19200 baud.
double seconds_for(double bytes, const SerialSettings& line) {
  const double bits = 1.0 + line.data_bits + (line.parity == Parity::None ? 0 : 1) + line.stop_bits;
  const double character = bits / line.baud;
  const double gap = line.baud > 19200 ? 0.00175 : 3.5 * character;
  return bytes * character + 2 * gap;
}

double read_seconds(modbus::Table table, std::uint32_t count, const SerialSettings& line) {
  const double data = modbus::holds_bits(table) ? std::ceil(count / 8.0) : 2.0 * count;
  return seconds_for(kRequestBytes + kAnswerFrameBytes + data, line);
}

}  // namespace

double line_load(const SerialSettings& line, const std::vector<modbus::DeviceSettings>& devices) {
  using Group = std::tuple<std::size_t, modbus::Table, std::int64_t>;  // device, table, interval
  std::map<Group, std::vector<std::pair<std::uint32_t, std::uint32_t>>> groups;  // begin, end
  for (std::size_t i = 0; i < devices.size(); ++i) {
    for (const auto& tag : devices[i].tags) {
      groups[{i, tag.table, tag.interval.count()}].emplace_back(
          tag.address, tag.address + (modbus::width(tag.type)));
    }
  }
  double load = 0;
  for (auto& [group, spans] : groups) {
    const auto& [device, table, interval_ms] = group;
    const std::uint32_t most =
        modbus::holds_bits(table) ? modbus::kReadBitsMax : modbus::kReadRegistersMax;
    std::sort(spans.begin(), spans.end());
    double seconds = 0;
    auto [begin, end] = spans.front();
    for (const auto& [next_begin, next_end] : spans) {
      if (next_begin <= end && std::max(end, next_end) - begin <= most) {
        end = std::max(end, next_end);
        continue;
      }
      seconds += read_seconds(table, end - begin, line);
      begin = next_begin;
      end = next_end;
    }
    seconds += read_seconds(table, end - begin, line);
    load += seconds * 1000 / static_cast<double>(interval_ms);
  }
  return load;
}

}  // namespace hubward::config
