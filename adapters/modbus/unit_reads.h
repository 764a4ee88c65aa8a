// What one device is asked, and when: tags that are due together share requests, and what the
// device refuses is learned. Pure and single-threaded; time is passed in.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "adapters/modbus/settings.h"
#include "proto/modbus/read_plan.h"
#include "proto/time.h"

namespace hubward::modbus {

// Tags with the same interval are a group; a bit for each.
using GroupMask = std::uint64_t;

// One request of a poll and the tags it fetches (places in DeviceSettings::tags, by address).
struct Block {
  ReadRequest request;
  std::vector<std::size_t> tags;
  bool piece = false;  // half of a block that was refused
  // Of the group in it that comes first: since when it has been due, and how long it may wait.
  SteadyTime due = SteadyTime::min();
  std::chrono::milliseconds interval{1000};
  GroupMask groups = 0;
};

// Asking again will not change these answers soon.
[[nodiscard]] constexpr bool is_lasting(ExceptionCode code) {
  return code == ExceptionCode::IllegalFunction || code == ExceptionCode::IllegalDataAddress ||
         code == ExceptionCode::IllegalDataValue;
}

class UnitReads {
 public:
  // A tag that the device refuses is left out of the other requests and asked for by itself, in
  // case somebody changed the device.
  static constexpr std::chrono::seconds kRefusedRetry{60};

  // `device` outlives this. Intervals are counted from `start`, so that polls keep their place in
  // time however late one of them runs.
  UnitReads(const DeviceSettings& device, const ReadLimits& limits, SteadyTime start);

  [[nodiscard]] bool is_empty() const { return groups_.empty(); }
  // When one of the groups that are not in `waiting` falls due; SteadyTime::max() without any.
  [[nodiscard]] SteadyTime next_due(GroupMask waiting = 0) const;
  // Everything due, as requests, but no group that still waits to be asked. Cycles that were missed
  // are counted and skipped, never made up for.
  [[nodiscard]] std::vector<Block> take_due(SteadyTime now, GroupMask waiting = 0);
  // Cycles that nobody was asked in, because the line was busy or an answer took too long.
  [[nodiscard]] std::uint64_t missed_cycles() const { return missed_; }
  // Nothing before `at`, everything then: after an outage.
  void all_due_at(SteadyTime at);
  // With the next poll also what the device refused: after an outage, in which all tags got the
  // outage's name, each is to get its own again.
  void ask_refused_again();

  void on_read(const Block& block, SteadyTime now);
  struct Refusal {
    std::vector<Block> again;          // ask these at once: where is the hole?
    std::vector<std::size_t> refused;  // these tags are what the device does not have
  };
  // An exception that asking again will not change (illegal function, address or value).
  [[nodiscard]] Refusal on_refused(const Block& block, ExceptionCode code, SteadyTime now);
  // The pieces of a search that ended with the connection or the device.
  void drop_search();

  [[nodiscard]] Block block_of(std::size_t tag) const;
  // Within the device's limits, and nothing in it that must not be read.
  [[nodiscard]] bool may_read(const ReadRequest& request) const {
    return is_within(request, limits_);
  }
  // The tags whose values a read fetches whole, whatever it was sent for.
  [[nodiscard]] Block covered_by(const ReadRequest& request) const;
  // Unwanted registers worth reading to save a request.
  void set_gap(std::uint16_t registers);
  // All requests when everything is due.
  [[nodiscard]] const std::vector<Block>& whole_plan();

 private:
  struct Group {  // tags with the same interval
    std::chrono::milliseconds interval;
    SteadyTime due;
    std::vector<std::size_t> tags;
  };
  [[nodiscard]] const std::vector<Block>& plan_for(GroupMask mask);
  [[nodiscard]] Block block_of(std::vector<std::size_t> tags, bool piece) const;
  [[nodiscard]] std::size_t split_place(const Block& block) const;
  [[nodiscard]] Block piece_of(const Block& block, std::size_t begin, std::size_t end) const;
  void close_piece(bool found_refused);
  void set_urgency(Block& block, const std::vector<SteadyTime>& due) const;

  const DeviceSettings& device_;
  ReadLimits limits_;
  SteadyTime start_;
  std::vector<Group> groups_;
  std::vector<std::size_t> group_of_;                    // by tag
  std::vector<std::size_t> by_address_;                  // tags in the order of table and address
  std::vector<bool> cut_;                                // by tag: never read with what lies before
  std::vector<std::optional<SteadyTime>> refused_till_;  // by tag
  std::uint64_t missed_ = 0;
  std::map<GroupMask, std::vector<Block>> plans_;  // valid while cuts and refusals stay

  // The search for a hole that is going on.
  std::size_t pieces_open_ = 0;
  std::vector<std::size_t> cuts_of_search_;
  bool search_found_ = false;
};

}  // namespace hubward::modbus
