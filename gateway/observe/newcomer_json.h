#pragma once

#include <cstddef>

#include "gateway/api/newcomer.h"
#include "proto/json.h"

namespace hubward::observe {

// How many of them are told; the others are counted.
struct NewcomerLimits {
  std::size_t devices = SIZE_MAX;
  bool counts = true;  // of messages, and the newest: they change all the time
};

// {"expected", "waiting", "refused": [name], "messages", "evicted", "devices": [{"name", "rule",
// "topic", "problem", "first_ms", "messages", "sample", "last_ms"}]}, those that wait the longest
// first.
void write_newcomers(json::Writer& out, const NewcomersStatus& newcomers,
                     const NewcomerLimits& limits);

}  // namespace hubward::observe
