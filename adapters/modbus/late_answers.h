// What one unit on a line without transaction numbers still owes us. Single-threaded.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
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

  // Some lines repeat frames (radio modems that miss an acknowledgement). An answer that equals,
  // byte for byte, a recent answer of this unit may be that one come again; taking it would also
  // leave the true answer to be taken for the next. Polls of an unchanged value look the same, so
  // answers to the same request count only where repetitions have been `seen`.
  // `request`: the one it was taken for, nothing for a frame that nobody waited for.
  void remember(const std::optional<Request>& request, std::span<const std::byte> pdu,
                SteadyTime now);
  [[nodiscard]] bool may_be_repeat(const Request& request, std::span<const std::byte> pdu,
                                   bool seen, SteadyTime now) const;
  // Whether a frame that nobody waited for equals a recent answer.
  [[nodiscard]] bool is_known(std::span<const std::byte> pdu, SteadyTime now) const;

 private:
  // A repetition comes within a few frames, or not at all.
  static constexpr std::chrono::milliseconds kRepeatMax{250};
  static constexpr std::size_t kRememberedMax = 8;
  struct Owed {
    Request request;
    SteadyTime sent_at;
  };
  struct Remembered {
    std::optional<Request> request;
    std::vector<std::byte> pdu;
    SteadyTime at;
  };
  std::vector<Owed> owed_;             // oldest first; bounded, as no two of them look alike
  std::deque<Remembered> remembered_;  // newest last
};

}  // namespace hubward::modbus
