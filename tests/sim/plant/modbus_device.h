// A simulated Modbus device: libmodbus reads the requests from the wire and makes the answers; this
// class keeps the registers moving, numbers and counts the answers, and damages them when ordered.
#pragma once

#include <modbus/modbus.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "tests/sim/plant/device.h"
#include "tests/sim/plant/modbus_fault.h"
#include "tests/sim/plant/register_bank.h"

namespace hubward::plant {

// What makes one device a press and another a meter.
struct ModbusProfile {
  std::string id;
  std::string kind;
  std::uint8_t unit_id = 1;
  Framing framing = Framing::Tcp;
  std::span<const Register> registers;
  // The table that holds `read_sequence`: an answer that covers it in full is one sample.
  Table sequence_table = Table::InputRegister;
  std::function<void(RegisterBank&)> set_defaults;
  std::function<void(double seconds, RegisterBank&)> advance;
  Sequence first_sequence = 1;
  // RTU: answers wait as long as their bytes would take at this speed, since pseudo-terminals have
  // none. 0: no wait.
  int baud = 0;
};

class ModbusDevice : public Device {
 public:
  ~ModbusDevice() override;
  ModbusDevice(const ModbusDevice&) = delete;
  ModbusDevice& operator=(const ModbusDevice&) = delete;

  [[nodiscard]] std::string_view id() const override { return profile_.id; }
  [[nodiscard]] std::string_view kind() const override { return profile_.kind; }
  void write_counters(json::Writer& writer) const override;
  void write_values(json::Writer& writer) override;
  void write_writes(json::Writer& writer) const override;
  void start() override;
  void stop() override;
  Status inject(const json::Value& order) override;
  void heal() override;
  Status plug(bool in) override;
  Status set_rate(double samples_per_s) override;

 protected:
  using SteadyClock = std::chrono::steady_clock;
  static constexpr std::size_t kWritesKept = 10'000;

  explicit ModbusDevice(ModbusProfile profile);

  // One peer: its libmodbus context, the descriptor of its wire, and what it may not have stored.
  struct Peer {
    modbus_t* context = nullptr;
    int wire = -1;
    UnconfirmedSamples unconfirmed;
  };
  // Reads one request from the peer's wire and answers it. False: the peer is gone.
  bool serve(Peer& peer, const std::stop_token& stop);
  [[nodiscard]] bool running() const;
  [[nodiscard]] const ModbusProfile& profile() const { return profile_; }
  // A request to another unit id was on the peer's wire.
  virtual void heard_another(Peer&) {}
  // Sleeps at most that long; wakes when the device is shut down.
  void pause(std::chrono::milliseconds time, const std::stop_token& stop);

 private:
  struct Answer {
    std::vector<std::byte> bytes;
    std::optional<Sequence> sequence;
    std::optional<ModbusFault> fault;
  };
  struct Request {
    int function = 0;
    int address = 0;
    int count = 0;
    bool to_all = false;  // unit 0 of a serial line: nobody answers
  };
  struct WriteRecord {
    std::chrono::system_clock::time_point at;
    Request request;
    std::vector<std::uint16_t> values;  // what the device holds now
    bool refused = false;
  };

  static void skip_rest(int wire, const std::uint8_t* request, int length);
  [[nodiscard]] Request parse(const Peer& peer, const std::uint8_t* bytes) const;
  std::optional<Answer> answer(Peer& peer, const std::uint8_t* request, int length);
  std::vector<std::byte> make_reply(Peer& peer, const std::uint8_t* request, int length,
                                    const std::optional<ModbusFault>& fault);
  [[nodiscard]] std::optional<ModbusFault> take_fault(const Request& request);
  std::optional<Sequence> number_sample(const Request& request);
  void remember_write(const Request& request, const std::vector<std::byte>& reply);
  void refresh();

  ModbusProfile profile_;
  int capture_[2] = {-1, -1};  // libmodbus writes its reply into the first, we read the second

  mutable std::mutex mutex_;
  std::condition_variable_any wake_;
  RegisterBank bank_;
  SteadyClock::time_point refreshed_;
  Sequence next_sequence_;
  bool running_ = true;
  std::deque<ModbusFault> faults_;
  std::deque<WriteRecord> writes_;
  std::uint64_t requests_ = 0;
  std::uint64_t bad_requests_ = 0;
  std::uint64_t unanswered_ = 0;
  std::uint64_t exceptions_ = 0;
};

[[nodiscard]] bool write_all(int wire, const std::vector<std::byte>& bytes);

}  // namespace hubward::plant
