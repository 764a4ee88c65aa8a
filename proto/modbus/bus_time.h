// What reading costs on a bus: how long an exchange takes, how wide a gap is worth reading across,
// and how much of each second a set of tags needs. Pure; the plan, the check and the status all
// calculate here.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <span>

#include "proto/modbus/read_plan.h"
#include "proto/modbus/rtu.h"

namespace hubward::modbus {

// What most devices need between the end of a request and the beginning of their answer. Used until
// it has been measured.
inline constexpr std::chrono::milliseconds kAssumedTurnaround{5};

struct BusTiming {
  std::optional<RtuTiming> serial;  // absent: a network, on which the bytes take no time
  std::chrono::nanoseconds turnaround = kAssumedTurnaround;
};

// From the first byte of the request until the next request may begin.
[[nodiscard]] std::chrono::nanoseconds exchange_time(const ReadRequest& read,
                                                     const BusTiming& timing);

// Unwanted registers past which another request is cheaper. Never more than kGapMax: what nobody
// asked for may not exist, or may change by being read.
inline constexpr std::uint16_t kGapMax = 32;
[[nodiscard]] std::uint16_t gap_worth_reading(const BusTiming& timing);
// A register's worth of bits.
[[nodiscard]] constexpr std::uint16_t bit_gap(std::uint16_t register_gap) {
  return static_cast<std::uint16_t>(register_gap * 16);
}

// A value that is read again and again.
struct PolledItem {
  ReadItem item;
  std::chrono::milliseconds interval{1000};
};

struct BusNeed {
  double share = 0;         // of the time; more than 1 cannot be done
  double requests_a_s = 0;  // together
};

// What items of one device need, where those that fall due together share requests.
[[nodiscard]] BusNeed bus_need(std::span<const PolledItem> items, const ReadLimits& limits,
                               const BusTiming& timing);

}  // namespace hubward::modbus
