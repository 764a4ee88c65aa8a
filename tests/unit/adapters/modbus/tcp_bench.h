// A BusAdapter over a scripted TCP connection with simulated units behind it.
#pragma once

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "adapters/modbus/bus_adapter.h"
#include "proto/modbus/tcp.h"
#include "tests/support/manual_loop.h"
#include "tests/support/recording_sink.h"
#include "tests/support/scripted_stream.h"
#include "tests/unit/adapters/modbus/simulated_units.h"

namespace hubward::modbus::test {

using namespace std::chrono_literals;

inline TagSettings tag(std::uint16_t index, Table table, std::uint16_t address,
                       ValueType type = ValueType::Uint16,
                       std::chrono::milliseconds interval = 1000ms) {
  TagSettings settings;
  settings.tag = TagIndex{index};
  settings.table = table;
  settings.address = address;
  settings.type = type;
  settings.interval = interval;
  return settings;
}

inline DeviceSettings device(std::uint32_t index, std::uint8_t unit,
                             std::vector<TagSettings> tags) {
  return {DeviceIndex{index}, unit, 1000ms, std::move(tags), {}};
}

class TcpBench {
 public:
  explicit TcpBench(std::vector<DeviceSettings> devices) {
    for (const auto& d : devices) units[d.unit_id];
    adapter = std::make_unique<BusAdapter>(
        BusSettings{TcpEndpoint{"10.0.0.5", 502}, std::move(devices)}, streams, loop);
    started = adapter->start(sink).has_value();
  }

  hubward::test::StreamScript& stream() { return streams[0]; }
  void connect() { stream().accept(); }

  // Requests written and not looked at yet.
  std::vector<TcpFrame> take_requests() {
    reader.push(stream().take_written());
    std::vector<TcpFrame> frames;
    for (auto frame = reader.next(); frame && *frame; frame = reader.next()) {
      frames.push_back(std::move(**frame));
    }
    return frames;
  }
  std::vector<std::byte> answer_to(const TcpFrame& frame) {
    const auto request = parse_request(frame.pdu);
    const auto answer = units[frame.unit].serve(*request);
    return encode_tcp(frame.transaction, frame.unit, encode_answer(*request, answer));
  }
  // Lets the units answer, 5 ms after each request, until `duration` has passed.
  void run_for(std::chrono::nanoseconds duration) {
    const SteadyTime end = clock.steady() + duration;
    loop.run_posted();
    while (clock.steady() < end) {
      bool answered = false;
      for (const TcpFrame& frame : take_requests()) {
        if (silent.contains(frame.unit) || reads_at(frame.pdu, ignored)) {
          ++unanswered;
          continue;
        }
        loop.run_for(5ms);
        stream().send(answer_to(frame));
        answered = true;
      }
      if (answered) continue;
      const SteadyTime next = loop.next_timer().value_or(end);
      loop.run_until(std::min(end, std::max(next, clock.steady())));
    }
  }

  WriteResult write(std::uint32_t device, std::uint16_t tag, TagValue value,
                    std::chrono::milliseconds within = 5000ms) {
    std::optional<WriteResult> result;
    begin_write(device, tag, std::move(value), within, result);
    run_for(within + 100ms);
    return result.value();
  }
  void begin_write(std::uint32_t device, std::uint16_t tag, TagValue value,
                   std::chrono::milliseconds within, std::optional<WriteResult>& result) {
    adapter->write({DeviceIndex{device}, TagIndex{tag}, std::move(value), clock.steady() + within},
                   [&result](WriteResult r) { result = std::move(r); });
  }

  // All readings of a tag so far.
  std::vector<TagReading> readings(std::uint32_t device, std::uint16_t tag) const {
    std::vector<TagReading> out;
    for (const auto& delivery : sink.deliveries) {
      if (delivery.batch.device.value != device) continue;
      for (const auto& reading : delivery.batch.readings) {
        if (reading.tag.value == tag) out.push_back(reading);
      }
    }
    return out;
  }
  const FieldState& last_state() const { return sink.states.back().state; }

  hubward::test::ManualClock clock;
  hubward::test::ManualLoop loop{clock};
  hubward::test::ScriptedStreams streams;
  hubward::test::RecordingSink sink;
  std::map<std::uint8_t, SimulatedUnit> units;
  std::set<std::uint8_t> silent;
  std::optional<std::uint16_t> ignored;  // no read that begins at this address is answered
  int unanswered = 0;
  TcpFrameReader reader;
  std::unique_ptr<BusAdapter> adapter;
  bool started = false;
};

}  // namespace hubward::modbus::test
