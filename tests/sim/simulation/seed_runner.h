// Plays many seeds in several processes, so that a seed that crashes or hangs is named like one
// that fails.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "tests/sim/simulation/outcome.h"
#include "tests/sim/simulation/scale.h"

namespace hubward::simulation {

// What a person may want different from what the seed says.
struct Overrides {
  std::optional<std::size_t> devices;
  std::optional<std::int64_t> minutes;
  [[nodiscard]] Scale apply(Scale scale) const;
};

struct SeedRange {
  std::uint64_t first = 1;
  std::uint64_t count = 1;
  unsigned jobs = 1;
  bool until_failure = false;  // stops at the first seed that fails
};

struct Verdict {
  Figures figures;
  std::uint64_t played = 0;
  std::uint64_t large = 0;
  std::uint64_t failed = 0;
};

// Prints what fails, with the command that replays it.
[[nodiscard]] Verdict play(const SeedRange& range, const Overrides& overrides);
// One seed in this process, narrated if wanted. True: nothing went wrong.
[[nodiscard]] bool play_one(std::uint64_t seed, const Overrides& overrides, bool narrate,
                            Figures& figures);

}  // namespace hubward::simulation
