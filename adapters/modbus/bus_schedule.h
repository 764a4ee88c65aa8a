// Decides what goes over one Modbus bus, and when: a TCP endpoint or a serial line and all devices
// behind it. Takes events with `now`, answers with the next exchange and with effects; knows no
// socket, no clock and no thread. Single-threaded.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "adapters/modbus/answer_times.h"
#include "adapters/modbus/bus_effects.h"
#include "adapters/modbus/late_answers.h"
#include "adapters/modbus/probe_budget.h"
#include "adapters/modbus/settings.h"
#include "adapters/modbus/unit_reads.h"
#include "adapters/modbus/wire.h"
#include "gateway/api/southbound.h"
#include "proto/modbus/rtu.h"

namespace hubward::modbus {

class BusSchedule {
 public:
  // A silent device is asked after 0.5, 1, 2 and 4 seconds and then every eight, each time waiting
  // for a moment in which nobody else is due: it is back within ten seconds of its return.
  static constexpr std::chrono::milliseconds kRetryFirst{500};
  static constexpr std::chrono::milliseconds kRetryMax{8'000};
  // How long such a question waits for a free moment before it makes others wait (ProbeBudget).
  static constexpr std::chrono::milliseconds kFreeMomentWait{500};
  // It is given twice as long as the device ever took, lately, and at least this: what USB adapters
  // and kernels hold bytes back, and our own lateness.
  static constexpr std::chrono::milliseconds kProbeTimeMin{30};
  // A device that has become slower is noticed by its late answers. Where they are lost in other
  // traffic, one question in so long is given the whole response time-out, each device in its turn.
  static constexpr std::chrono::seconds kWholeProbeInterval{100};
  // One lost answer is noise; the device counts as down from the second on (or if it never spoke).
  static constexpr unsigned kFailuresUntilDown = 2;
  // A TCP peer that lost power leaves a connection that looks alive.
  static constexpr unsigned kTimeoutsUntilReconnect = 3;
  // Commands that wait on one bus. More than a plant sends, and few enough to bound the memory.
  static constexpr std::size_t kWritesMax = 256;
  // Writes go first, but a stream of them must not stop the readings.
  static constexpr unsigned kWritesInARowMax = 8;
  // What one-off reads may take of the line where they delay polls, and how much of that they may
  // save up: with the probes' share the polls keep more than nine tenths of a full line.
  static constexpr double kOneOffShare = 0.03;
  static constexpr std::chrono::milliseconds kOneOffSavedMax{300};

  struct Options {
    std::string place;                // "10.0.0.5:502" or "/dev/ttyUSB0", for people
    std::optional<RtuTiming> serial;  // set: answers carry no transaction number
    bool network = true;              // a peer that may be gone while the connection looks alive
    std::size_t in_flight_max = 1;    // of all units
  };
  // `devices` outlive this.
  BusSchedule(std::span<const DeviceSettings> devices, Options options, SteadyTime start);

  void on_link_up(SteadyTime now);
  // `why` is shown on every device; without it (a connection that we gave up) they stay as they
  // are.
  void on_link_down(const std::optional<Error>& why, std::chrono::milliseconds retry_in,
                    Instant now);
  void on_write(WriteId id, const WriteRequest& request, SteadyTime now);
  void on_ask(OneOff ask, SteadyTime now);
  // What was not sent yet, by whomever, is answered with WritesPaused; pulses still end.
  void withdraw_writes();
  void on_answer(const Answered& answered, Instant now);
  void on_spoiled(Ticket ticket, ErrorCode code, Instant now);
  // Something came that belongs to no exchange; `unit` only with a good frame.
  void on_stray(std::optional<std::uint8_t> unit, std::span<const std::byte> pdu, SteadyTime now);
  // The answer to an exchange that was given up early; `by_gateway`: from a gateway that speaks for
  // a silent unit.
  void on_late(std::uint8_t unit, bool by_gateway, SteadyTime now);
  // An answer has begun on a serial line: it is given the time that its bytes take.
  void on_hearing();
  // Time has passed. The exchanges given up now; the wire is to be told.
  [[nodiscard]] std::vector<GivenUp> on_time(Instant now);

  // What to send now, if anything. Ask only when the wire is ready, until it says nothing.
  [[nodiscard]] std::optional<Send> next(SteadyTime now);
  // When on_time() or next() have something to do, if nothing happens before. SteadyTime::min():
  // next() has, as soon as the wire is ready.
  [[nodiscard]] SteadyTime wake_at() const;
  [[nodiscard]] std::vector<Effect> take_effects();
  // There are none but values of answers, which are decoded when the effects are taken: the next
  // request may go out before that, so that the device works while we do.
  [[nodiscard]] bool has_only_values() const { return effects_.size() == undecoded_.size(); }
  // A stop is near: only what is under way is ended, and pulses, at once.
  void wind_down(SteadyTime now);
  [[nodiscard]] bool is_wound_down() const;
  void stop(SteadyTime now);  // answers every write
  // In the order of the devices; counts since the start.
  struct UnitUse {
    std::chrono::nanoseconds busy{0};  // of the line's time
    std::uint64_t requests = 0;
    std::uint64_t unanswered = 0;
    std::uint64_t missed_cycles = 0;
    std::optional<std::chrono::nanoseconds> turnaround;
  };
  [[nodiscard]] std::vector<UnitUse> use() const;

 private:
  struct Write {
    WriteId id;
    std::size_t unit;
    std::size_t tag;
    SteadyTime deadline;
    Request request;
    TagValue wanted;                       // as the caller gave it
    std::vector<std::uint16_t> registers;  // what it writes, to compare with what is read back
    bool unconfirmed_only = false;         // answered, but by what may be our own echo
    std::string detail;                    // why the outcome is not known
    bool confirmed = false;                // by the device; read back only to be sure
    bool refused = false;                  // perhaps only the reading half of it
    // Confirmed, and the same answer held something else: what that stands for, if it stands for
    // anything.
    bool contradicted = false;
    std::optional<TagValue> held;
    // Of a register that is written in part: read it first, because the device has no function that
    // masks.
    bool read_first = false;
    bool withdrawn = false;  // not to be sent (again)
    bool to_all = false;     // units of the line
    std::uint64_t arrival = 0;
    SteadyTime sent_at = SteadyTime::min();
  };
  struct ReadFirst {
    Write write;
  };
  // The end of a pulse. It stays until the device has confirmed it, whatever happens in between.
  struct PulseEnd {
    std::size_t unit;
    std::size_t tag;
    SteadyTime at;
  };
  struct Poll {
    Block block;
  };
  struct Probe {};  // only so that the unit answers (something that can be told apart)
  struct ReadBack {
    Write write;
    Block block;
  };
  struct Asking {
    OneOff ask;
    std::size_t unit;
    std::uint64_t arrival;
  };
  struct ToAll {
    Write write;
  };
  using Purpose = std::variant<Poll, Probe, Write, ReadFirst, ReadBack, Asking, ToAll>;
  struct Flight {
    Ticket ticket;
    std::size_t unit;
    Request request;
    SteadyTime sent_at;
    SteadyTime deadline;
    SteadyTime heard_deadline;  // once the answer has begun
    bool early;                 // given up before the configured time-out
    Purpose purpose;
    std::chrono::nanoseconds took{0};                    // of the line, once it is over
    std::chrono::nanoseconds paid{0};                    // for it, of what one-off reads may take
    std::optional<std::chrono::nanoseconds> free_for{};  // a one-off read that took a free moment
    bool to_all = false;  // no answer: over when the units had their turnaround delay
  };
  // How long an answer is waited for.
  struct Patience {
    std::chrono::nanoseconds time;
    bool early = false;  // less than configured
  };
  struct Held {  // an answer that may be a repetition: waits for the next one to tell
    Block block;
    ReadAnswer answer;
    Instant at;
  };
  struct Unit {
    Unit(const DeviceSettings& device, const BusTiming& timing, SteadyTime start)
        : settings(&device),
          reads(device, read_limits(device.limits, timing), start),
          bad(device.tags.size()) {}
    const DeviceSettings* settings;
    bool is_guest = false;  // no device of ours: asked only what somebody asks it once
    UnitReads reads;
    LateAnswers late;
    std::deque<Block> queue;  // due, and waiting to be asked
    std::vector<Held> held;
    std::optional<Request> confirming;  // asked again, because its answer may be a repetition
    std::optional<Request> asked_last;
    std::uint64_t served = 0;                  // turn in which it was asked last
    unsigned failures = 0;                     // in a row
    SteadyTime failed_at = SteadyTime::min();  // the last of them
    SteadyTime retry_at = SteadyTime::min();
    SteadyTime look_again_at = SteadyTime::min();   // no free moment or credit for a probe before
    SteadyTime whole_probe_at = SteadyTime::min();  // the last one given the whole time-out
    bool is_slow = false;      // an answer came after its probe had been given up
    bool may_be_slow = false;  // something was heard then
    AnswerTimes times;
    UnitUse use;
    unsigned answers = 0;             // since the gap worth reading was computed
    bool ask_other_function = false;  // its exceptions cannot be told apart
    bool has_no_mask_write = false;   // function 22; as it said
    bool has_no_read_write = false;   // function 23; as it said, whatever its settings say
    FieldState::Link link = FieldState::Link::Unknown;
    std::string detail;                         // as reported last
    std::vector<std::optional<ErrorCode>> bad;  // by tag: as delivered last
  };

  [[nodiscard]] std::optional<Send> next_read_back(SteadyTime now);
  [[nodiscard]] std::optional<Send> next_write(SteadyTime now);
  [[nodiscard]] std::optional<Send> next_poll(SteadyTime now);
  enum class AskKind : std::uint8_t { Read, Write };
  [[nodiscard]] std::optional<Send> next_ask(AskKind kind, SteadyTime now);
  [[nodiscard]] std::optional<Send> send_ask(std::size_t place_in_line, SteadyTime now);
  struct Price {
    std::chrono::nanoseconds paid{0};  // at once
    // Instead: nothing, unless it takes longer than that.
    std::optional<std::chrono::nanoseconds> expected{};
  };
  // What a read must pay if it goes now; nothing: there is no room for it yet.
  [[nodiscard]] std::optional<Price> price_now(const Asking& asking, const Request& request,
                                               SteadyTime now);
  [[nodiscard]] SteadyTime pulse_due(std::optional<std::size_t> unit) const;
  Send send_paid(std::size_t unit, const Request& request, Purpose purpose, Patience patience,
                 Price price, SteadyTime now);
  [[nodiscard]] std::size_t place_of(std::uint8_t unit_id, SteadyTime now);
  void forget_guests(SteadyTime now);
  void ask_answered(const Asking& asking, const Answered& answered);
  void finish_ask(const OneOff& ask, Result<Answer> answer);
  void fail_asks_of(std::size_t unit, ErrorCode code, const std::string& why);
  void expire_asks(SteadyTime now);
  [[nodiscard]] std::string not_connected() const;  // and why, as far as it is known
  void withdraw_asks();
  void asks_lose_link(const std::optional<Error>& why);
  struct Urgency;
  [[nodiscard]] Urgency urgency_of(const Unit& unit, const Block& block, SteadyTime now) const;
  [[nodiscard]] Urgency urgency_of(const Unit& unit, SteadyTime now) const;
  void take_due(std::size_t place, SteadyTime now);
  void account(Flight& flight, bool answered, SteadyTime now);
  [[nodiscard]] std::optional<Send> next_probe(SteadyTime now);
  [[nodiscard]] std::optional<std::size_t> longest_waiting_quiet(SteadyTime now) const;
  [[nodiscard]] std::optional<ReadRequest> probe_request(Unit& unit, SteadyTime now);
  // Down, and not only because the connection was.
  [[nodiscard]] static bool is_quiet(const Unit& unit) {
    return unit.failures > 0 && unit.link == FieldState::Link::Down;
  }
  [[nodiscard]] Patience patience_with(const Unit& unit) const;
  [[nodiscard]] Patience whole_patience(std::size_t unit) const {
    return {units_[unit].settings->response_timeout};
  }
  [[nodiscard]] bool is_turn_for_whole_probe(const Unit& unit, SteadyTime now) const;
  [[nodiscard]] SteadyTime next_poll_due() const;
  [[nodiscard]] std::chrono::nanoseconds line_time(const Request& request) const;
  void adapt_gap(Unit& unit);
  void note_answer_time(Unit& unit, const Flight& flight, const Answer& answer);
  void heard_something_odd(SteadyTime now);
  [[nodiscard]] std::optional<Send> poll_unit(std::size_t unit, SteadyTime now);
  [[nodiscard]] std::optional<ReadRequest> distinct_probe(Unit& unit, const ReadRequest& wanted);
  Send send(std::size_t unit, Request request, Purpose purpose, Patience patience, SteadyTime now);
  [[nodiscard]] bool in_flight(std::size_t unit) const;
  // A read-back or a write waits for nothing but the wire.
  [[nodiscard]] bool has_write_to_send() const;
  // No more polls for now: as many as it takes at a time, or something else, is under way or waits.
  [[nodiscard]] bool is_taken(std::size_t unit) const;
  [[nodiscard]] SteadyTime poll_due(std::size_t place) const;
  // Groups that are being asked for, or wait for it: not to be asked for once more.
  [[nodiscard]] GroupMask groups_under_way(std::size_t place) const;

  void answered(Flight flight, const Answered& answered, Instant now);
  // On a line without transaction numbers: whether the answer surely belongs to the request.
  [[nodiscard]] bool belongs(Unit& unit, Flight& flight, const Answer& answer, Instant now);
  void set_aside(Unit& unit, Flight& flight, const Answer& answer, Instant now);
  void doubt_held();
  void ask_slow_one_again(Unit& unit, SteadyTime now);
  static void ask_again(Unit& unit, Block block);
  void probed(Unit& unit, const Request& request, const Answer& answer, Instant now);
  void polled(Unit& unit, Block block, const Answer& answer, Instant now);
  void deliver_values(Unit& unit, Block block, ReadAnswer answer, Instant now);
  void decode_values();
  void deliver_bad(Unit& unit, std::span<const std::size_t> tags, ErrorCode code, Instant now);
  [[nodiscard]] std::optional<TagValue> rounded_value(const Write& write) const;
  [[nodiscard]] static bool holds_what_was_written(const Write& write, const ReadAnswer& read,
                                                   const TagSettings& tag);
  void written(const Write& write, const Answered& answered, Instant now);
  void written_and_read(const Write& write, const Answer& answer, Instant now);
  void read_back(const ReadBack& job, const Answer& answer, Instant now);
  void unanswered(Flight flight, ErrorCode code, const std::string& why, Instant now);
  void read_back_later(Write write);
  // The read-back of a write that will not come.
  void not_read_back(const Write& write);
  // Writes to all units of a serial line.
  [[nodiscard]] std::optional<Send> next_to_all(std::size_t place_in_line, SteadyTime now);
  Send send_to_all(std::size_t unit, Request request, Purpose purpose, SteadyTime now);
  void sent_to_all(const Flight& flight);
  void cut_off(const Flight& flight, SteadyTime now);
  void overtake(const Request& request, std::uint64_t arrival);
  void read_first_done(ReadFirst job, const Answer& answer);
  // Before all others, unless it was withdrawn since it was taken out.
  void write_next(Write write);
  void withdraw(const Write& write);
  void end_pulses(SteadyTime now);
  void begin_pulse(const Write& write);
  [[nodiscard]] static bool is_read_only(const Flight& flight);
  [[nodiscard]] Result<Request> write_request(const Unit& unit, const TagSettings& tag,
                                              const std::vector<std::uint16_t>& registers) const;
  [[nodiscard]] bool is_off(const Write& write) const;
  void finish(const Write& write, WriteResult::Outcome outcome, ErrorCode code, std::string detail,
              std::optional<TagValue> value = std::nullopt, bool verified = false);
  void unit_up(Unit& unit, SteadyTime now);
  void unit_failed(Unit& unit, ErrorCode code, const std::string& why, bool early, Instant now);
  void report(Unit& unit, FieldState::Link link, ErrorCode code, std::string detail);
  [[nodiscard]] std::string name_of(const Unit& unit) const;

  Options options_;
  std::size_t device_count_;           // of units_; guests stand behind them
  std::deque<DeviceSettings> guests_;  // their settings, which Unit points to
  std::vector<Unit> units_;
  std::vector<Flight> flights_;
  std::deque<Write> writes_;
  std::deque<ReadBack> read_backs_;
  std::deque<Asking> asks_;
  SteadyTime asks_look_at_ = SteadyTime::max();  // when one that found no moment is looked at again
  std::optional<Error> link_trouble_;            // while the link is down: why
  std::vector<PulseEnd> pulse_ends_;
  std::vector<Effect> effects_;
  struct Undecoded {
    std::size_t effect;  // the place of its Deliver
    std::size_t unit;
    Block block;
    ReadAnswer answer;
  };
  std::vector<Undecoded> undecoded_;  // in the order of effects_
  bool link_up_ = false;
  bool stopped_ = false;
  bool winding_down_ = false;
  bool repeats_seen_ = false;  // since the port was opened
  unsigned timeouts_in_row_ = 0;
  unsigned writes_in_row_ = 0;
  std::uint64_t last_ticket_ = 0;
  std::uint64_t last_arrival_ = 0;  // of writes and one-off requests, in the order they were made
  SteadyTime accounted_until_ = SteadyTime::min();  // the end of the last exchange
  AnswerTimes line_times_;                          // of all units
  ProbeBudget probe_budget_;
  ProbeBudget ask_budget_;
  SteadyTime next_whole_probe_at_;
  // A question that was given up early may still be answered, or keep a gateway busy, until then.
  struct Shadow {
    std::optional<std::size_t> unit;  // none: one that was asked once and is no device
    SteadyTime until;
  };
  std::optional<Shadow> shadow_;
};

}  // namespace hubward::modbus
