// Devices on one serial line or TCP socket: one that speaks by itself, or one or several that are
// asked in turn. Commands go in between.
#pragma once

#include <chrono>
#include <cstddef>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "adapters/serial/late_answers.h"
#include "adapters/serial/line_account.h"
#include "adapters/serial/line_device.h"
#include "adapters/serial/poll_schedule.h"
#include "adapters/serial/settings.h"
#include "gateway/api/byte_stream.h"
#include "gateway/api/line_use.h"
#include "gateway/api/queues_writes.h"
#include "gateway/api/southbound.h"

namespace hubward::serial {

// All calls and events on `loop`. One request or command is on the line at a time; commands go
// first. What comes while nobody was asked belongs to the line's only device, or to nobody.
class SerialAdapter final : public SouthboundAdapter,
                            public QueuesWrites,
                            public SharesLine,
                            private ByteStreamEvents {
 public:
  static constexpr std::chrono::seconds kOpenTimeout{5};
  // A port that is gone is looked for at this steady pace; it costs nobody anything.
  static constexpr std::chrono::seconds kReopenDelay{2};
  // Bytes that come sooner after opening may be the rest of a frame whose beginning nobody saw. At
  // 1200 baud a byte takes 9 ms, so a device in the middle of a frame is heard within this time.
  static constexpr std::chrono::milliseconds kJoinSilence{100};
  // A device is down after so many requests in a row without an answer.
  static constexpr unsigned kMissesUntilDown = 3;
  // Whether a device that was away is back is seen in the time others of its line take to answer,
  // and a little more. Lest it is slower than they are, one of them is waited for in full now and
  // then.
  static constexpr std::chrono::milliseconds kLookMin{100};
  static constexpr std::chrono::seconds kFullWaitEvery{10};
  // So long after its time-out an answer may still come and be taken for another's that looks the
  // same: nothing that it could answer is asked until then, or no answer is believed at once.
  static constexpr std::chrono::seconds kLateAnswerMax = LateAnswers::kLateMax;
  // By so much longer than the slowest one so far an answer is waited for beside another one, where
  // a late one of a device that is probably gone could come. USB adapters hold bytes back for 16
  // ms.
  static constexpr std::chrono::milliseconds kBeyondSlowest{20};
  // Commands that wait; an operator gives one at a time.
  static constexpr std::size_t kWritesWaitingMax = 32;

  // `opener` and `loop` outlive the adapter.
  SerialAdapter(LineSettings settings, StreamOpener& opener, Loop& loop);
  ~SerialAdapter() override;
  SerialAdapter(const SerialAdapter&) = delete;
  SerialAdapter& operator=(const SerialAdapter&) = delete;

  // Error ConfigInvalid as LineDevice::make(), or for several devices of which one is not polled.
  Status start(ReadingSink& sink) override;
  void write(WriteRequest request, WriteDone done) override;
  void withdraw_writes() override;
  // A command is one exchange and begins nothing that must be ended.
  void wind_down(std::function<void()> done) override;
  // Of devices that are asked.
  LineUse line_use() override;
  void stop() noexcept override;

 private:
  struct Waiting {
    WriteRequest request;
    WriteDone done;
  };
  // An answer that is only believed if no second one comes beside it, and perhaps if more follow.
  struct Held {
    std::vector<TagReading> readings;
    std::string content;
    WallTime at;
    SteadyTime at_steady;
    AnswerRow::Owed owed;          // when it came
    bool waited_for_rest = false;  // of what may be a second one
  };
  // What was put on the line and is not answered yet.
  struct Exchange {
    std::size_t device;
    std::size_t request = 0;  // of a poll
    SteadyTime asked{};
    std::size_t bytes = 0;                         // there and back
    std::optional<LineDevice::Command> command{};  // of a write
    WriteDone done{};
    std::optional<Held> held{};
    AnswerRow row{};  // of this and what was asked right before it
  };

  void on_open() override;
  void on_bytes(std::span<const std::byte> bytes) override;
  void on_closed(Error why) override;

  void open();
  // Puts the next command or request on the line, or sets the timer for it.
  void go_on();
  [[nodiscard]] bool start_write(SteadyTime now);
  void ask(PollSchedule::Place place, SteadyTime now, AnswerRow row = {});
  void send(const std::string& bytes, std::chrono::nanoseconds wait, SteadyTime now);
  [[nodiscard]] std::chrono::nanoseconds wait_for(std::size_t place, SteadyTime now);
  void give_up_waiting();
  void give_up_command(SteadyTime now);
  void end_exchange();
  void finish_write(WriteResult result);
  void fail_writes(ErrorCode code, const std::string& why);

  void take_frame(std::size_t place, const Frame& frame);
  // True: it was the answer to the command on the line.
  bool judge_answer(std::size_t place, std::string_view content);
  void take_readings(std::size_t place, std::vector<TagReading> readings, WallTime at,
                     SteadyTime at_steady);
  void take_poll_answer(std::size_t place, std::vector<TagReading> readings,
                        std::string_view content);
  void note_answer(SteadyTime came);
  [[nodiscard]] bool answered_last_time(std::size_t place) const;
  void take_held();
  void take_late(std::size_t place, std::string_view content);
  void late_came(SteadyTime now);
  [[nodiscard]] bool answers_look_alike(std::size_t place) const;
  void wait_for_silence(std::size_t place);
  [[nodiscard]] Framer::Sink frame_sink(std::size_t place);
  [[nodiscard]] std::optional<std::size_t> listener();

  void report_bad(std::optional<DeviceIndex> device, ErrorCode code, std::string_view text);
  void report_state(LineDevice& device, FieldState::Link link, ErrorCode code, std::string detail);

  const LineSettings settings_;
  const std::string source_;  // the port's path or the endpoint, for people
  StreamOpener& opener_;
  Loop& loop_;
  ReadingSink* sink_ = nullptr;  // while started
  std::vector<std::unique_ptr<LineDevice>> devices_;
  PollSchedule schedule_;
  LineAccount account_;
  const std::chrono::nanoseconds byte_time_;  // 0: not known
  std::deque<Waiting> writes_;
  std::optional<Exchange> exchange_;
  std::chrono::nanoseconds slowest_answer_{};
  SteadyTime waited_in_full_{};
  SteadyTime quiet_until_{};  // a late answer is let go by until then
  SteadyTime quiet_for_command_until_{};
  LateAnswers late_;
  std::unique_ptr<ByteStream> stream_;
  bool is_open_ = false;
  bool winding_down_ = false;
  bool is_reading_ = false;  // a framer is at work on bytes that came
  TimerId reopen_;
  TimerId silence_;
  TimerId next_;  // the end of the exchange, or the begin of the next one
  SteadyTime opened_at_;
  std::optional<SteadyTime> last_bytes_;  // since the port was opened
};

}  // namespace hubward::serial
