// An RTU line on simulated time: units that work on one request at a time, and everything a real
// line does to frames.
#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "adapters/modbus/bus_adapter.h"
#include "proto/modbus/rtu.h"
#include "tests/support/hex.h"
#include "tests/support/manual_loop.h"
#include "tests/support/recording_sink.h"
#include "tests/support/scripted_random.h"
#include "tests/support/scripted_stream.h"
#include "tests/unit/adapters/modbus/simulated_units.h"

namespace hubward::modbus::test {

using namespace std::chrono_literals;

class FaultyLine {
 public:
  // How often each thing happens, of 1.
  struct Faults {
    double request_lost = 0;
    double answer_lost = 0;
    double late = 0;      // the unit takes up to `latest`
    double repeated = 0;  // the answer comes twice, the second one up to `repeat_after_max` later
    double damaged = 0;   // up to two neighbouring bytes changed
    double cut = 0;       // the end is missing
    double noise = 0;     // random bytes before the answer
    double glitch = 0;    // 00 or FF before the answer
    bool echo = false;    // the line repeats our own bytes to us
    bool pieces = true;   // bytes come in any pieces
    std::chrono::milliseconds latest{4000};
    std::chrono::milliseconds repeat_after_max{60};
  };

  FaultyLine(std::vector<DeviceSettings> devices, SerialSettings line, Faults faults,
             std::uint64_t seed)
      : faults_(faults), random_(seed), timing_(RtuTiming::at(line.baud, 10)) {
    for (const auto& d : devices) units[d.unit_id];
    adapter = std::make_unique<BusAdapter>(BusSettings{line, std::move(devices)}, streams, loop);
    (void)adapter->start(sink);
    streams[0].accept();
  }

  // Carries what was written, from one event to the next.
  void run_for(std::chrono::nanoseconds duration) {
    const SteadyTime end = clock.steady() + duration;
    loop.run_posted();
    carry();
    while (clock.steady() < end) {
      loop.run_until(std::min(end, loop.next_timer().value_or(end)));
      carry();
    }
  }
  void set_faults(Faults faults) { faults_ = faults; }
  // A one-off request, with all the time it wants.
  void begin_ask(std::uint8_t unit_id, const Request& request, std::vector<LineAnswer>& answers) {
    LineAsks asks;
    asks.asks = {{unit_id, encode_request(request).value()}};
    asks.deadline = clock.steady() + 60s;
    asks.may_write = true;
    adapter->ask(std::move(asks),
                 [&answers](std::vector<LineAnswer> all) { answers = std::move(all); });
  }
  void carry() {
    if (streams[0].written.empty()) return;
    const auto frame = streams[0].take_written();
    log.push_back(std::to_string(clock.steady().time_since_epoch().count() / 1000000) + " > " +
                  hubward::test::hex(frame));
    ++transactions;
    const auto sent = clock.steady() + timing_.time_for(frame.size());
    if (faults_.echo) arrive(sent, frame);
    if (happens(faults_.request_lost)) return;
    const auto parsed = parse_rtu(frame);
    if (parsed && parsed->unit == kBroadcastUnit) {  // each hears it, none answers
      for (auto& [id, one] : units) {
        if (!silent.contains(id)) (void)one.serve(*parse_request(parsed->pdu));
      }
      return;
    }
    if (!parsed || !units.contains(parsed->unit) || silent.contains(parsed->unit)) return;
    if (reads_at(parsed->pdu, ignored)) return;
    auto& busy_until = busy_until_[parsed->unit];
    auto done = std::max(sent, busy_until) + (slow.contains(parsed->unit) ? slow_time : 5ms);
    if (happens(faults_.late)) done += faults_.latest * static_cast<int>(unit() * 1000) / 1000;
    busy_until = done;
    loop.call_at(done, [this, frame = *parsed] { serve(frame); });
  }

  hubward::test::ManualClock clock;
  hubward::test::ManualLoop loop{clock};
  hubward::test::ScriptedStreams streams;
  hubward::test::RecordingSink sink;
  std::map<std::uint8_t, SimulatedUnit> units;
  std::set<std::uint8_t> silent;
  std::optional<std::uint16_t> ignored;  // no read that begins at this address is answered
  std::set<std::uint8_t> slow;
  std::chrono::milliseconds slow_time{300};
  std::function<Answer(std::uint8_t unit, const Request&)> server;  // instead of `units`
  std::unique_ptr<BusAdapter> adapter;
  std::uint64_t transactions = 0;
  std::vector<std::string> log;

 private:
  double unit() { return random_.unit(); }
  bool happens(double often) { return often > 0 && unit() < often; }
  std::byte any_byte() { return static_cast<std::byte>(random_.next() & 0xFF); }

  void serve(const RtuFrame& frame) {
    const auto request = parse_request(frame.pdu);
    if (!request) return;
    const auto answer = server ? server(frame.unit, *request) : units[frame.unit].serve(*request);
    if (happens(faults_.answer_lost)) return;
    const auto whole = encode_rtu(frame.unit, encode_answer(*request, answer));
    auto bytes = whole;
    if (happens(faults_.damaged)) {
      const std::size_t at = random_.next() % bytes.size();
      bytes[at] ^= any_byte();
      if (at + 1 < bytes.size()) bytes[at + 1] ^= any_byte();
    }
    if (happens(faults_.cut)) bytes.resize(random_.next() % bytes.size());
    if (happens(faults_.noise)) {
      std::vector<std::byte> noise(1 + random_.next() % 6);
      for (auto& byte : noise) byte = any_byte();
      bytes.insert(bytes.begin(), noise.begin(), noise.end());
    }
    if (happens(faults_.glitch)) bytes.insert(bytes.begin(), std::byte{0});
    const auto end = clock.steady() + timing_.time_for(bytes.size());
    arrive(end, bytes);
    if (happens(faults_.repeated)) {
      arrive(end + faults_.repeat_after_max * static_cast<int>(unit() * 1000) / 1000, whole);
    }
  }

  void arrive(SteadyTime at, std::vector<std::byte> bytes) {
    std::size_t begin = 0;
    while (begin < bytes.size()) {
      std::size_t count = bytes.size() - begin;
      if (faults_.pieces) count = 1 + random_.next() % count;
      std::vector<std::byte> piece(bytes.begin() + static_cast<std::ptrdiff_t>(begin),
                                   bytes.begin() + static_cast<std::ptrdiff_t>(begin + count));
      begin += count;
      loop.call_at(at, [this, piece = std::move(piece)] {
        log.push_back(std::to_string(clock.steady().time_since_epoch().count() / 1000000) + " < " +
                      hubward::test::hex(piece));
        streams[0].send(piece);
      });
      at += 1ms;
    }
  }

  Faults faults_;
  hubward::test::SeededRandom random_;
  RtuTiming timing_;
  std::map<std::uint8_t, SteadyTime> busy_until_;
};

}  // namespace hubward::modbus::test
