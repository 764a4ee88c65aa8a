// Devices that publish to the broker and that no file knows, from the first message to somebody's
// yes or no.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "proto/result.h"
#include "proto/time.h"

namespace hubward {

struct Newcomer {
  std::string name;            // in its topic
  std::string rule;            // of the configuration that it fits
  std::string topic;           // of its newest message
  std::uint64_t messages = 0;  // none of them was stored
  WallTime first;
  WallTime last;
  std::string problem;    // why it was not added; empty: it only waits
  bool approved = false;  // it has a file and runs after a restart; nobody need approve it
  std::string sample{};   // the beginning of its newest message, for whoever decides
  friend bool operator==(const Newcomer&, const Newcomer&) = default;
};

struct NewcomersStatus {
  bool expected = false;             // there is a rule for them
  std::vector<Newcomer> waiting;     // by name
  std::uint64_t messages = 0;        // of all newcomers in this run, refused ones' too
  std::uint64_t evicted = 0;         // made room for others; the next message brings them back
  std::vector<std::string> refused;  // names
  friend bool operator==(const NewcomersStatus&, const NewcomersStatus&) = default;
};

// A message of nobody's whose topic fits the rule at that place.
using NewcomerHeard = std::function<void(std::size_t rule, std::string_view name,
                                         std::string_view topic, std::string_view payload)>;

// What became of an approval.
struct Approved {
  std::string id{};
  std::string file{};       // that was written
  std::string why_later{};  // empty: the device runs; else it begins at the next start
  // It had been refused: from its next message on it waits, and nothing else happened.
  bool waits_again = false;
};

// On the devices' loop.
class NewcomerDesk {
 public:
  virtual ~NewcomerDesk() = default;
  [[nodiscard]] virtual NewcomersStatus look() const = 0;
  // `id` empty: its name is its id. `done` runs once, on the loop, possibly at once. The error's
  // context is a sentence.
  virtual void approve(const std::string& name, const std::string& id,
                       std::function<void(Result<Approved>)> done) = 0;
  // It is not heard any more, also after a restart, until somebody approves it.
  virtual Status refuse(const std::string& name) = 0;
};

}  // namespace hubward
