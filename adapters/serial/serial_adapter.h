// Reads one device that speaks lines by itself: a scale, a barcode reader, a gauge.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <string>

#include "adapters/serial/frame_extractor.h"
#include "adapters/serial/settings.h"
#include "gateway/api/byte_stream.h"
#include "gateway/api/southbound.h"
#include "proto/serial/framer.h"

namespace hubward::serial {

// All calls and events on `loop`. Never writes to the line: a device that only speaks cannot be
// written to.
class SerialAdapter final : public SouthboundAdapter, private ByteStreamEvents {
 public:
  static constexpr std::chrono::seconds kOpenTimeout{5};
  // A port that is gone is looked for at this steady pace; it costs nobody anything.
  static constexpr std::chrono::seconds kReopenDelay{2};
  // Bytes that come sooner after opening may be the rest of a frame whose beginning nobody saw. At
  // 1200 baud a byte takes 9 ms, so a device in the middle of a frame is heard within this time.
  static constexpr std::chrono::milliseconds kJoinSilence{100};

  // `opener` and `loop` outlive the adapter.
  SerialAdapter(DeviceSettings settings, StreamOpener& opener, Loop& loop);
  ~SerialAdapter() override;
  SerialAdapter(const SerialAdapter&) = delete;
  SerialAdapter& operator=(const SerialAdapter&) = delete;

  // Error ConfigInvalid: frames cannot be told apart so, or as FrameExtractor::make().
  Status start(ReadingSink& sink) override;
  void write(WriteRequest request, WriteDone done) override;
  void stop() noexcept override;

 private:
  void on_open() override;
  void on_bytes(std::span<const std::byte> bytes) override;
  void on_closed(Error why) override;

  void open();
  void take_frame(const Frame& frame);
  void wait_for_silence();
  [[nodiscard]] Framer::Sink frame_sink();
  void report_bad(ErrorCode code, std::string_view text);
  void report_state(FieldState::Link link, ErrorCode code, std::string detail);

  const DeviceSettings settings_;
  const std::string source_;  // the port's path or the endpoint, for people
  StreamOpener& opener_;
  Loop& loop_;
  ReadingSink* sink_ = nullptr;  // while started
  std::optional<FrameExtractor> extractor_;
  Framer framer_;
  std::unique_ptr<ByteStream> stream_;
  TimerId reopen_;
  TimerId silence_;
  SteadyTime opened_at_;
  std::optional<SteadyTime> last_bytes_;  // since the port was opened
  std::optional<FieldState> reported_;
};

}  // namespace hubward::serial
