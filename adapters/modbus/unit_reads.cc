#include "adapters/modbus/unit_reads.h"

#include <algorithm>
#include <cstdlib>
#include <tuple>

namespace hubward::modbus {
namespace {

// Intervals beyond this many share the group of the shortest among them: polled too often, never
// too seldom.
constexpr std::size_t kGroupsMax = 64;
// Which groups fall due together repeats soon; a handful of combinations is all there is.
constexpr std::size_t kPlansMax = 64;

std::uint32_t end_of(const TagSettings& tag) { return std::uint32_t{tag.address} + width(tag); }

}  // namespace

UnitReads::UnitReads(const DeviceSettings& device, const ReadLimits& limits, SteadyTime start)
    : device_(device),
      limits_(limits),
      start_(start),
      group_of_(device.tags.size()),
      cut_(device.tags.size()),
      refused_till_(device.tags.size()) {
  std::map<std::chrono::milliseconds, std::vector<std::size_t>> by_interval;
  for (std::size_t tag = 0; tag < device.tags.size(); ++tag) {
    by_address_.push_back(tag);
    by_interval[std::max(device.tags[tag].interval, std::chrono::milliseconds{1})].push_back(tag);
  }
  for (const auto& [interval, tags] : by_interval) {
    if (groups_.size() < kGroupsMax) groups_.push_back({interval, start, {}});
    for (const std::size_t tag : tags) {
      groups_.back().tags.push_back(tag);
      group_of_[tag] = groups_.size() - 1;
    }
  }
  std::ranges::sort(by_address_, {}, [&](std::size_t tag) {
    const TagSettings& settings = device.tags[tag];
    return std::tuple(settings.table, settings.address, width(settings), tag);
  });
}

SteadyTime UnitReads::next_due(GroupMask waiting) const {
  SteadyTime due = SteadyTime::max();
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    if ((waiting >> g & 1) == 0) due = std::min(due, groups_[g].due);
  }
  return due;
}

std::vector<Block> UnitReads::take_due(SteadyTime now, GroupMask waiting) {
  GroupMask mask = 0;
  std::vector<Block> blocks;
  std::vector<SteadyTime> due(groups_.size(), SteadyTime::max());
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    Group& group = groups_[g];
    if (group.due > now || (waiting >> g & 1) != 0) continue;
    mask |= GroupMask{1} << g;
    due[g] = group.due;
    missed_ += static_cast<std::uint64_t>((now - group.due) / group.interval);
    group.due = start_ + ((now - start_) / group.interval + 1) * group.interval;
  }
  if (mask == 0) return blocks;
  blocks = plan_for(mask);
  for (std::size_t tag = 0; tag < refused_till_.size(); ++tag) {
    const bool is_due = (mask >> group_of_[tag] & 1) != 0;
    if (!is_due || !refused_till_[tag] || *refused_till_[tag] > now) continue;
    refused_till_[tag] = now + kRefusedRetry;
    blocks.push_back(block_of(tag));
  }
  for (Block& block : blocks) set_urgency(block, due);
  return blocks;
}

void UnitReads::set_urgency(Block& block, const std::vector<SteadyTime>& due) const {
  SteadyTime deadline = SteadyTime::max();
  for (const std::size_t tag : block.tags) {
    const std::size_t g = group_of_[tag];
    block.groups |= GroupMask{1} << g;
    if (due[g] + groups_[g].interval >= deadline) continue;
    deadline = due[g] + groups_[g].interval;
    block.due = due[g];
    block.interval = groups_[g].interval;
  }
}

void UnitReads::all_due_at(SteadyTime at) {
  for (Group& group : groups_) group.due = at;
}

void UnitReads::ask_refused_again() {
  for (auto& till : refused_till_) {
    if (till) till = SteadyTime{};
  }
}

void UnitReads::on_read(const Block& block, SteadyTime) {
  if (block.piece) close_piece(false);
  for (const std::size_t tag : block.tags) {
    if (!refused_till_[tag]) continue;
    refused_till_[tag].reset();
    plans_.clear();
  }
}

UnitReads::Refusal UnitReads::on_refused(const Block& block, ExceptionCode code, SteadyTime now) {
  Refusal refusal;
  plans_.clear();
  if (block.tags.size() > 1 && code != ExceptionCode::IllegalFunction) {
    const std::size_t middle = split_place(block);
    cut_[block.tags[middle]] = true;
    cuts_of_search_.push_back(block.tags[middle]);
    pieces_open_ += block.piece ? 1 : 2;
    refusal.again.push_back(piece_of(block, 0, middle));
    refusal.again.push_back(piece_of(block, middle, block.tags.size()));
    return refusal;
  }
  for (const std::size_t tag : block.tags) refused_till_[tag] = now + kRefusedRetry;
  refusal.refused = block.tags;
  if (block.piece) close_piece(true);
  return refusal;
}

// A little more or less is not worth other requests than before.
void UnitReads::set_gap(std::uint16_t registers) {
  const int change = int{registers} - int{limits_.register_gap_max};
  if (change == 0 || std::abs(change) * 4 < limits_.register_gap_max) return;
  limits_.register_gap_max = registers;
  limits_.bit_gap_max = bit_gap(registers);
  plans_.clear();
}

void UnitReads::drop_search() {
  pieces_open_ = 0;
  cuts_of_search_.clear();
  search_found_ = false;
}

// A search that ended at a tag the device does not have needed its cuts only to find it: what is
// left of the block is read in one request again. A search that found every tag readable keeps
// them: something between the tags, or the block's length, is what the device refuses.
void UnitReads::close_piece(bool found_refused) {
  search_found_ |= found_refused;
  if (pieces_open_ > 0) --pieces_open_;
  if (pieces_open_ > 0) return;
  if (search_found_) {
    for (const std::size_t tag : cuts_of_search_) cut_[tag] = false;
    plans_.clear();
  }
  drop_search();
}

// Where the widest gap is, since what nobody asked for is the likeliest hole; else the middle.
std::size_t UnitReads::split_place(const Block& block) const {
  std::size_t place = block.tags.size() / 2;
  std::uint32_t widest = 0;
  std::uint32_t end = end_of(device_.tags[block.tags[0]]);
  for (std::size_t i = 1; i < block.tags.size(); ++i) {
    const TagSettings& tag = device_.tags[block.tags[i]];
    if (tag.address > end && tag.address - end > widest) {
      widest = tag.address - end;
      place = i;
    }
    end = std::max(end, end_of(tag));
  }
  return place;
}

Block UnitReads::piece_of(const Block& block, std::size_t begin, std::size_t end) const {
  Block piece = block_of({block.tags.begin() + static_cast<std::ptrdiff_t>(begin),
                          block.tags.begin() + static_cast<std::ptrdiff_t>(end)},
                         true);
  piece.due = block.due;
  piece.interval = block.interval;
  piece.groups = block.groups;
  return piece;
}

Block UnitReads::block_of(std::size_t tag) const { return block_of(std::vector{tag}, false); }

Block UnitReads::block_of(std::vector<std::size_t> tags, bool piece) const {
  const TagSettings& first = device_.tags[tags.front()];
  std::uint32_t end = 0;
  for (const std::size_t tag : tags) end = std::max(end, end_of(device_.tags[tag]));
  return {{first.table, first.address, static_cast<std::uint16_t>(end - first.address)},
          std::move(tags),
          piece};
}

Block UnitReads::covered_by(const ReadRequest& request) const {
  Block block;
  block.request = request;
  const std::uint32_t end = std::uint32_t{request.address} + request.count;
  for (const std::size_t place : by_address_) {
    const TagSettings& tag = device_.tags[place];
    if (tag.table == request.table && tag.address >= request.address && end_of(tag) <= end) {
      block.tags.push_back(place);
    }
  }
  return block;
}

const std::vector<Block>& UnitReads::whole_plan() {
  return plan_for(groups_.size() == kGroupsMax ? ~GroupMask{0}
                                               : (GroupMask{1} << groups_.size()) - 1);
}

const std::vector<Block>& UnitReads::plan_for(GroupMask mask) {
  if (const auto known = plans_.find(mask); known != plans_.end()) return known->second;
  std::vector<ReadItem> items;
  std::vector<std::size_t> tags;
  bool cut = false;  // between the last item and the tag looked at
  for (const std::size_t tag : by_address_) {
    cut = cut || cut_[tag] || refused_till_[tag];
    if (refused_till_[tag] || (mask >> group_of_[tag] & 1) == 0) continue;
    const TagSettings& settings = device_.tags[tag];
    items.push_back({settings.table, settings.address, width(settings), cut});
    tags.push_back(tag);
    cut = false;
  }
  std::vector<Block> blocks;
  for (const PlannedRead& read : plan_reads(items, limits_)) {
    Block& block = blocks.emplace_back(Block{read.request, {}});
    for (const std::size_t item : read.items) block.tags.push_back(tags[item]);
  }
  if (plans_.size() >= kPlansMax) plans_.clear();
  return plans_.emplace(mask, std::move(blocks)).first->second;
}

}  // namespace hubward::modbus
