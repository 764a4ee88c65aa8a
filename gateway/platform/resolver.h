// Host names to addresses, off the loop.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "gateway/api/loop.h"
#include "proto/result.h"

namespace hubward::platform {

// The system's resolver blocks for as long as a name server likes. A few threads carry the lookups;
// callers that ask for the same host share one, so that a host whose name server hangs costs a
// thread or two however many devices want it. Any thread may call resolve().
class Resolver {
 public:
  // Numeric addresses in the order to try them. Errors: NameUnknown; LimitExceeded.
  using Answer = Result<std::vector<std::string>>;
  using Lookup = std::function<Answer(const std::string& host)>;

  // Enough for several hosts with hanging name servers beside those that answer.
  static constexpr std::size_t kThreadsMax = 12;
  // A second lookup of the same host starts when the first has given no answer for this long.
  static constexpr std::size_t kThreadsPerHostMax = 2;
  static constexpr std::chrono::seconds kSecondLookupAfter{5};
  // Twice what one gateway has in devices: past it something asks in circles.
  static constexpr std::size_t kWaitingMax = 10000;

  // `lookup` runs on the resolver's threads. Default: getaddrinfo.
  explicit Resolver(Lookup lookup = system_lookup);
  // Answers that are still outstanding never come. Does not wait for a lookup that hangs.
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  // `done` runs once on `loop`, never inside this call. An address is its own answer and waits for
  // nobody. There is no time-out: the caller has one and ignores what comes later.
  void resolve(const std::string& host, Loop& loop, std::function<void(Answer)> done);

  [[nodiscard]] static Answer system_lookup(const std::string& host);

 private:
  struct Shared;
  // Shared with the threads: one that hangs in a lookup outlives the resolver.
  std::shared_ptr<Shared> shared_;
};

// Why a lookup failed, for whoever says the host's name as well.
[[nodiscard]] std::string without_host(const Error& why, const std::string& host);

}  // namespace hubward::platform
