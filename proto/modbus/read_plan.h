// Which requests fetch a set of values. Pure: knows addresses and limits, no time, no device.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "proto/modbus/pdu.h"

namespace hubward::modbus {

// One value to fetch.
struct ReadItem {
  Table table = Table::HoldingRegister;
  std::uint16_t address = 0;
  std::uint16_t count = 1;
  bool starts_request = false;  // never in one request with what lies before it
};

// Addresses that may not be read, or that do harm by being read.
struct Hole {
  Table table = Table::HoldingRegister;
  std::uint16_t first = 0;
  std::uint16_t last = 0;
  friend bool operator==(const Hole&, const Hole&) = default;
};

struct ReadLimits {
  std::uint16_t registers_max = kReadRegistersMax;
  std::uint16_t bits_max = kReadBitsMax;
  // Unwanted registers or bits worth reading to save a request: gap_worth_reading() in bus_time.h.
  std::uint16_t register_gap_max = 8;
  std::uint16_t bit_gap_max = 128;
  std::vector<Hole> holes;  // never read across
};

struct PlannedRead {
  ReadRequest request;
  std::vector<std::size_t> items;  // places in the span given to plan_reads
  friend bool operator==(const PlannedRead&, const PlannedRead&) = default;
};

// The fewest requests under the limits, in the order of table and address. Every item is covered
// by exactly one request; an item that fits no request by itself (count 0, over the limit, or past
// address 65535) is left out.
[[nodiscard]] std::vector<PlannedRead> plan_reads(std::span<const ReadItem> items,
                                                  const ReadLimits& limits = {});

// No more than may be asked at a time, and across no hole.
[[nodiscard]] bool is_within(const ReadRequest& request, const ReadLimits& limits);

}  // namespace hubward::modbus
