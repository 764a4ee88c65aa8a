// A few requests over a connection of their own, one after the other: for a person at the command
// line, while no gateway holds the port.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <variant>
#include <vector>

#include "adapters/modbus/settings.h"
#include "adapters/modbus/wire.h"
#include "gateway/api/byte_stream.h"
#include "gateway/api/loop.h"
#include "proto/modbus/ask.h"

namespace hubward::modbus {

// All on one loop; used once.
class Exchanges final : private ByteStreamEvents {
 public:
  static constexpr std::chrono::milliseconds kOpenTimeout{5000};
  // One for each request, in their order. NoAnswer, BadFrame and UnexpectedAnswer end one request,
  // the stream's own errors all that are left.
  using Done = std::function<void(std::vector<Result<Answer>> answers)>;
  // Told each answer as it comes. A request that it names goes next, before those that are left;
  // its answer stands behind this one, in what Done gets as well.
  using Heard = std::function<std::optional<Ask>(const Ask& ask, const Result<Answer>& answer)>;

  // `streams` and `loop` outlive this.
  Exchanges(Attachment attachment, StreamOpener& streams, Loop& loop,
            std::chrono::milliseconds response_timeout);
  ~Exchanges() override;
  Exchanges(const Exchanges&) = delete;
  Exchanges& operator=(const Exchanges&) = delete;

  void run(std::vector<Ask> asks, Done done, Heard heard = {});

 private:
  void open();
  void on_open() override;
  void on_bytes(std::span<const std::byte> bytes) override;
  void on_closed(Error why) override;

  void ask_next();
  void answered(Result<Answer> answer);
  void handle(const WireEvent& event);
  void finish(const Error& why);
  void wait_until(SteadyTime at, std::function<void()> work);

  const Attachment attachment_;
  StreamOpener& streams_;
  Loop& loop_;
  const std::chrono::milliseconds response_timeout_;
  std::optional<RtuTiming> serial_;
  std::unique_ptr<Wire> wire_;
  std::unique_ptr<ByteStream> stream_;
  std::vector<Ask> asks_;
  std::vector<Result<Answer>> answers_;
  Done done_;
  Heard heard_;
  bool waiting_ = false;  // for the answer to asks_[answers_.size()]
  bool useless_ = false;  // nothing more can be read from this connection
  TimerId timer_;
};

}  // namespace hubward::modbus
