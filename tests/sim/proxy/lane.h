// One direction of one connection: bytes in with the time, bytes out when they may leave. No I/O.
#pragma once

#include <deque>
#include <string>
#include <string_view>

#include "gateway/api/random_source.h"
#include "tests/sim/proxy/rule_book.h"

namespace hubward::simproxy {

// Single-threaded. Order is kept whatever the delays.
class Lane {
 public:
  // A sender whose bytes are held back is not read beyond this.
  static constexpr std::size_t kHeldBytesMax = 1024 * 1024;

  explicit Lane(RandomSource& random) : random_(random) {}

  void set_treatment(const Treatment& treatment);
  // The cuts ordered now. A new one counts from here; one that is no longer named is forgotten.
  void set_cuts(const std::vector<CutOrder>& orders);

  [[nodiscard]] bool has_room() const { return held_ < kHeldBytesMax; }
  void receive(std::string_view bytes, SteadyTime now);
  void sender_ended(Ending how, SteadyTime now);

  // What may be written to the receiver now; then say how much of it was.
  [[nodiscard]] std::string_view writable(SteadyTime now);
  void written(std::size_t bytes);

  // A cut is due: both ends of the connection end like this.
  [[nodiscard]] std::optional<Ending> cut_due() const;
  // The sender has ended and all its bytes are out: the receiver is told so. Also when bytes that
  // were swallowed are missing and bytes pass again: a stream with a hole is reset.
  [[nodiscard]] std::optional<Ending> end_due(SteadyTime now) const;
  // When writable(), or end_due(), may have news though nothing happens.
  [[nodiscard]] std::optional<SteadyTime> next_due(SteadyTime now) const;

  [[nodiscard]] std::size_t held() const { return held_; }
  [[nodiscard]] std::uint64_t passed() const { return passed_; }
  [[nodiscard]] std::uint64_t swallowed() const { return swallowed_; }

 private:
  struct Chunk {
    std::string bytes;
    SteadyTime due;
  };
  struct Cut {
    std::uint64_t left = 0;
    Ending ending = Ending::Reset;
  };
  struct End {
    Ending how;
    SteadyTime due;
  };
  [[nodiscard]] SteadyTime due_for(SteadyTime now);
  [[nodiscard]] bool has_hole() const { return swallowed_ > 0 || end_swallowed_; }

  RandomSource& random_;
  Treatment treatment_;
  std::deque<Chunk> chunks_;
  std::size_t held_ = 0;
  std::optional<End> end_;
  std::map<RuleId, Cut> cuts_;
  SteadyTime last_due_{};
  SteadyTime next_piece_{};
  std::uint64_t piece_left_ = 0;
  std::uint64_t passed_ = 0;
  std::uint64_t swallowed_ = 0;
  bool end_swallowed_ = false;
};

}  // namespace hubward::simproxy
