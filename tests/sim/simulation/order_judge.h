// Whether one device's readings may reach the cloud out of order. Three cases may, and no other:
// - A trial (device/send_window.h) that nobody heard of. A message in flight at five ends of a link
//   is accused; the one behind it is sent first, alone; if the hub takes that and the link ends
//   before its PUBACK is heard, the accused one arrives behind it. ARCHITECTURE.md, "What decides
//   what", says why that is better than to hold it back or to send the witness twice.
// - A message was set aside or dropped, the disk did not learn of it before the process ended, and
//   others went meanwhile. The next process finds it waiting: late is better than never.
// - The store of an earlier process could not be opened at first, and what came meanwhile was kept
//   in memory and sent: nobody knows whether such a disk ever comes back.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <set>
#include <utility>
#include <vector>

#include "tests/sim/cloud/ledger.h"
#include "tests/sim/simulation/books.h"

namespace hubward::simulation {

class OrderJudge {
 public:
  using Reading = std::uint64_t;
  // That the gateway has heard no PUBACK of it: it still waits in the store.
  using Waits = std::function<bool(Reading)>;

  void on_login() { sent_.clear(); }
  void on_sent(Reading reading) { sent_.push_back(reading); }
  // `lost`: from outside. Otherwise we ended it, for a missing PUBACK perhaps.
  void on_link_end(bool lost, const Waits& waits);
  // What the process knew of drops is gone with it.
  void on_process_end(const Waits& waits);

  struct Found {
    std::uint64_t forgiven = 0;
    std::uint64_t unforgiven = 0;
  };
  // First arrivals behind a newer one, in all that the cloud received.
  [[nodiscard]] Found judge(const std::deque<simcloud::ReceivedMessage>& log,
                            const DeviceBook& book) const;

 private:
  std::vector<Reading> sent_;                        // over this link, in order
  std::map<Reading, unsigned> drops_;                // of what waits: ends of links, in flight
  std::set<std::pair<Reading, Reading>> overtaken_;  // the accused one, and by whom
};

}  // namespace hubward::simulation
