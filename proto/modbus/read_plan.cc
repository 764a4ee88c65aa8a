#include "proto/modbus/read_plan.h"

#include <algorithm>
#include <tuple>

namespace hubward::modbus {
namespace {

std::uint32_t end_of(std::uint16_t address, std::uint16_t count) {
  return std::uint32_t{address} + count;
}

// Whether anything from `begin` up to but not including `end` may not be read.
bool has_hole(Table table, std::uint32_t begin, std::uint32_t end, const std::vector<Hole>& holes) {
  return std::ranges::any_of(holes, [&](const Hole& hole) {
    return hole.table == table && hole.first < end && hole.last >= begin;
  });
}

bool fits(const ReadItem& item, std::uint16_t count_max) {
  return item.count >= 1 && item.count <= count_max && end_of(item.address, item.count) <= 0x10000;
}

}  // namespace

std::vector<PlannedRead> plan_reads(std::span<const ReadItem> items, const ReadLimits& limits) {
  std::vector<std::size_t> order;
  order.reserve(items.size());
  for (std::size_t i = 0; i < items.size(); ++i) order.push_back(i);
  std::ranges::sort(order, {}, [&](std::size_t i) {
    return std::tuple(items[i].table, items[i].address, items[i].count, i);
  });

  std::vector<PlannedRead> plan;
  for (const std::size_t i : order) {
    const ReadItem& item = items[i];
    const bool bits = holds_bits(item.table);
    const std::uint16_t count_max = bits ? limits.bits_max : limits.registers_max;
    const std::uint16_t gap_max = bits ? limits.bit_gap_max : limits.register_gap_max;
    if (!fits(item, count_max)) continue;
    if (!plan.empty() && plan.back().request.table == item.table && !item.starts_request) {
      ReadRequest& open = plan.back().request;
      const std::uint32_t end = end_of(open.address, open.count);
      const std::uint32_t new_end = std::max(end, end_of(item.address, item.count));
      if (item.address <= end + gap_max && new_end - open.address <= count_max &&
          !has_hole(item.table, end, item.address, limits.holes)) {
        open.count = static_cast<std::uint16_t>(new_end - open.address);
        plan.back().items.push_back(i);
        continue;
      }
    }
    plan.push_back({{item.table, item.address, item.count}, {i}});
  }
  return plan;
}

bool is_within(const ReadRequest& request, const ReadLimits& limits) {
  const auto most = holds_bits(request.table) ? limits.bits_max : limits.registers_max;
  return request.count <= most &&
         !has_hole(request.table, request.address, std::uint32_t{request.address} + request.count,
                   limits.holes);
}

}  // namespace hubward::modbus
