// Values that tell where and when they were read, and who judges by them whether a reading is true.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <vector>

#include "adapters/modbus/settings.h"
#include "gateway/api/byte_stream.h"
#include "gateway/api/southbound.h"
#include "proto/modbus/pdu.h"

namespace hubward::modbus {

// Every value is four registers: line and unit, table and address, and 32 bits that say at which
// request of its line the registers held it.
inline constexpr std::uint16_t kWitnessRegisters = 4;
[[nodiscard]] std::uint16_t witness(std::uint8_t line, std::uint8_t unit, Table table,
                                    unsigned address, std::uint32_t request);

enum class Framing : std::uint8_t { Rtu, Tcp };

// Everything one adapter asks, numbered from 1 as it is handed to the port: the adapter's side of
// the wire, before anything can go wrong.
class AskedLog {
 public:
  explicit AskedLog(Framing framing) : framing_(framing) {}

  // On the adapter's thread.
  void on_open(SteadyTime now);
  void on_written(std::span<const std::byte> bytes, SteadyTime now);
  // The last request before `at` that read all of this.
  [[nodiscard]] std::optional<std::uint32_t> last_asked(std::uint8_t unit, const ReadRequest& tag,
                                                        SteadyTime at) const;
  [[nodiscard]] std::uint32_t requests() const { return requests_; }

  // On the thread of the devices: the number of a frame that arrived there. Frames arrive in their
  // order, but some only to a port that is gone.
  [[nodiscard]] std::uint32_t number_of(std::span<const std::byte> frame);
  // When the port was opened last.
  [[nodiscard]] SteadyTime opened_at();

 private:
  struct Asked {
    std::uint32_t number;
    SteadyTime at;
    std::uint8_t unit;
    ReadRequest read;
  };
  struct UnderWay {
    std::uint32_t number;
    std::vector<std::byte> frame;
  };
  void note(std::span<const std::byte> frame, SteadyTime now);

  static constexpr std::size_t kRememberedMax = 2000;
  Framing framing_;
  std::uint32_t requests_ = 0;
  std::deque<Asked> asked_;
  std::mutex mutex_;
  std::deque<UnderWay> under_way_;  // guarded by mutex_
  SteadyTime opened_at_{};          // guarded by mutex_
};

// Streams that tell the log what is written to them.
class WitnessedStreams final : public StreamOpener {
 public:
  WitnessedStreams(StreamOpener& streams, AskedLog& log) : streams_(streams), log_(log) {}
  std::unique_ptr<ByteStream> tcp(TcpEndpoint endpoint, ByteStreamEvents& events,
                                  Loop& loop) override;
  std::unique_ptr<ByteStream> tls(TcpEndpoint endpoint, TlsTrust trust, ByteStreamEvents& events,
                                  Loop& loop) override;
  std::unique_ptr<ByteStream> serial(SerialSettings settings, ByteStreamEvents& events,
                                     Loop& loop) override;

 private:
  StreamOpener& streams_;
  AskedLog& log_;
};

struct Verdict {
  std::uint64_t good = 0;
  std::uint64_t foreign = 0;  // what another register, unit or line held
  std::uint64_t stale = 0;    // held before it was asked for
  [[nodiscard]] std::uint64_t wrong() const { return foreign + stale; }
};

// Judges every good reading of one line.
class JudgingSink final : public ReadingSink {
 public:
  JudgingSink(std::uint8_t line, const std::vector<DeviceSettings>& devices, const AskedLog& log)
      : line_(line), devices_(devices), log_(log) {}
  void deliver(ReadingBatch batch, Stored) override;
  void field_state(DeviceIndex, FieldState) override {}
  void bad_input(BadInput) override {}
  Verdict verdict;

 private:
  std::uint8_t line_;
  const std::vector<DeviceSettings>& devices_;
  const AskedLog& log_;
};

}  // namespace hubward::modbus
