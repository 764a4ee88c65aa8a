#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "adapters/modbus/bus_schedule.h"
#include "adapters/modbus/settings.h"
#include "adapters/modbus/wire.h"
#include "gateway/api/asks_line.h"
#include "gateway/api/byte_stream.h"
#include "gateway/api/line_use.h"
#include "gateway/api/loop.h"
#include "gateway/api/queues_writes.h"
#include "gateway/api/southbound.h"

namespace hubward::modbus {

// One Modbus bus: a TCP endpoint or a serial line with all devices behind it. Carries bytes and
// time between the stream, the wire and the schedule; decides nothing but when to connect. All on
// one loop.
class BusAdapter final : public SouthboundAdapter,
                         public QueuesWrites,
                         public SharesLine,
                         public AsksLine,
                         private ByteStreamEvents {
 public:
  static constexpr std::chrono::milliseconds kOpenTimeout{5000};
  // A port that cannot be opened is tried again after half a second, then more and more seldom, up
  // to five seconds: an adapter that is plugged in again is back before anybody asks.
  static constexpr std::chrono::milliseconds kReopenFirst{500};
  static constexpr std::chrono::milliseconds kReopenMax{5000};

  // For one-off requests: a read must not keep the line from the end of a pulse, or from a command,
  // for longer than that.
  static constexpr std::chrono::milliseconds kAskedAnswerMax{3000};

  // `streams` and `loop` outlive this.
  BusAdapter(BusSettings settings, StreamOpener& streams, Loop& loop);
  ~BusAdapter() override;
  BusAdapter(const BusAdapter&) = delete;
  BusAdapter& operator=(const BusAdapter&) = delete;

  // ConfigInvalid for settings that no bus can have (settings_check.h).
  Status start(ReadingSink& sink) override;
  void write(WriteRequest request, WriteDone done) override;
  void withdraw_writes() override;
  void wind_down(std::function<void()> done) override;
  void stop() noexcept override;
  LineUse line_use() override;
  [[nodiscard]] std::string line_place() const override { return place_; }
  [[nodiscard]] std::string line_speed() const override;
  [[nodiscard]] std::optional<std::uint8_t> unit_of(DeviceIndex device) const override;
  [[nodiscard]] std::vector<LineTag> tags_written_by(const LineAsk& ask) const override;
  [[nodiscard]] std::string words_for_answer(std::span<const std::byte> answer) const override;
  // An answer is waited for no longer than the slowest of the devices may take, or kAskedAnswerMax.
  void ask(LineAsks asks, LineAnswered done) override;

 private:
  // Over which time `used` is told.
  static constexpr std::chrono::seconds kUseWindow{10};
  void on_open() override;
  void on_bytes(std::span<const std::byte> bytes) override;
  void on_closed(Error why) override;

  struct Call {  // one ask after the other
    LineAsks asks;
    LineAnswered done;
    std::vector<LineAnswer> answers;
    bool writes_withdrawn = false;
  };
  void ask_next(std::uint64_t number);
  void ask_finished(AskId id, const Result<Answer>& answer);

  void pump();
  void send_what_is_due();
  void run_effects();
  void run(Effect effect);
  void set_timer();
  void handle(const WireEvent& event);
  void bad_input(std::optional<std::uint8_t> unit, ErrorCode code,
                 const std::vector<std::byte>& sample);
  void lose_link(const std::optional<Error>& why);
  [[nodiscard]] std::chrono::milliseconds longest_timeout() const;
  [[nodiscard]] double need_of(const DeviceSettings& device,
                               std::optional<std::chrono::nanoseconds> turnaround) const;
  [[nodiscard]] Instant now() const;
  [[nodiscard]] bool has_rtu_frames() const;
  // The id of no unit, but of all on a serial line.
  [[nodiscard]] bool is_everybody(std::uint8_t unit) const;

  const BusSettings settings_;
  StreamOpener& streams_;
  Loop& loop_;
  const std::string place_;
  LineUse use_;
  SteadyTime use_from_;
  std::vector<std::chrono::nanoseconds> busy_before_;  // by unit, at `use_from_`
  std::optional<BusSchedule> schedule_;
  std::unique_ptr<Wire> wire_;
  std::unique_ptr<ByteStream> stream_;
  ReadingSink* sink_ = nullptr;       // set between start() and stop()
  std::function<void()> wound_down_;  // asked for and not told yet
  std::map<std::uint64_t, WriteDone> writes_;
  std::uint64_t last_write_ = 0;
  std::map<std::uint64_t, Call> calls_;  // one request of each is with the schedule, by this number
  std::uint64_t last_call_ = 0;
  bool open_ = false;
  std::optional<SteadyTime> reopen_at_;
  std::chrono::milliseconds reopen_delay_ = kReopenFirst;
  TimerId timer_;
  SteadyTime timer_at_ = SteadyTime::max();
  std::shared_ptr<bool> alive_;  // shared with posted work, which may run after this is gone
};

}  // namespace hubward::modbus
