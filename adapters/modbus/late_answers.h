// What one unit on a line without transaction numbers still owes us. Single-threaded.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <span>
#include <vector>

#include "proto/modbus/pdu.h"
#include "proto/time.h"

namespace hubward::modbus {

// An RTU answer does not say which request it belongs to. After one time-out the late answer to
// request A can arrive while request B waits, and if both read as many registers nothing tells
// them apart. So every request that got no answer is kept here, and the unit is asked nothing whose
// answer could be mistaken for an owed one. What is owed is settled when
//  - a later request is answered: a unit works on one request at a time, so answers come in the
//    order of requests and whatever did not come by then never will;
//  - the owed answer itself arrives;
//  - kLateAnswerMax has passed. This alone is an assumption about time; it is reached only when
//    the unit answers nothing at all, or when it has nothing else to be asked.
class LateAnswers {
 public:
  // Radio modems and store-and-forward gateways hold a frame for seconds, not for half a minute.
  static constexpr std::chrono::seconds kLateAnswerMax{30};

  void owe(const Request& request, SteadyTime sent_at);
  // Whether a normal answer to `request` could be no answer that is owed.
  [[nodiscard]] bool tells_apart(const Request& request) const;
  // Whether an exception to this function could be an owed one: exceptions look all alike.
  [[nodiscard]] bool owes(FunctionCode function) const;
  // A frame of this unit that belongs to no open exchange: settles the oldest request that it
  // answers and everything before it. False if it answers none.
  bool on_frame(std::span<const std::byte> pdu);
  void settle() { owed_.clear(); }
  void forget(SteadyTime now);
  [[nodiscard]] bool empty() const { return owed_.empty(); }
  // When the oldest is forgotten.
  [[nodiscard]] std::optional<SteadyTime> next_forget() const;

 private:
  struct Owed {
    Request request;
    SteadyTime sent_at;
  };
  std::vector<Owed> owed_;  // oldest first; bounded, as no two of them look alike
};

}  // namespace hubward::modbus
