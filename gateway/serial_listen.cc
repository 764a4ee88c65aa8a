#include "gateway/serial_listen.h"

#include <charconv>
#include <cstdio>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <variant>

#include "gateway/api/failure_words.h"
#include "gateway/cli/wire_text.h"
#include "gateway/config/frame_words.h"
#include "gateway/platform/asio_loop.h"
#include "gateway/platform/asio_streams.h"
#include "gateway/platform/resolver.h"
#include "gateway/platform/signals.h"
#include "gateway/platform/system_clock.h"
#include "proto/serial/escapes.h"
#include "proto/serial/framer.h"

namespace hubward {
namespace {

constexpr std::chrono::seconds kOpenTimeout{5};
// After so long without a byte somebody wonders why.
constexpr std::chrono::seconds kSilence{5};

Result<serial::FrameSettings> frames_of(const cli::SerialListen& command) {
  serial::FrameSettings frames;
  frames.bytes_max = 65536;
  auto start = serial::bytes_from_text(command.start);
  if (!start) return tl::unexpected(start.error());
  auto end = serial::bytes_from_text(command.end);
  if (!end) return tl::unexpected(end.error());
  if (command.gap_ms > 0) {
    frames.framing = serial::Gap{std::chrono::milliseconds(command.gap_ms)};
  } else if (command.fixed > 0) {
    frames.framing = serial::FixedLength{std::move(*start), command.fixed};
  } else {
    frames.framing = serial::Delimited{std::move(*start), std::move(*end), command.bytes_after_end};
  }
  if (const Status said =
          config::add_frame_words({command.length, command.stuffed, command.check}, frames);
      !said) {
    return tl::unexpected(said.error());
  }
  std::string problem = serial::framing_problem(frames);
  if (problem.empty()) return frames;
  return failure(ErrorCode::ConfigInvalid, ErrorKind::Permanent, std::move(problem));
}

// A line's device file, or HOST:PORT of a converter.
Result<std::variant<std::string, TcpEndpoint>> attachment_of(const std::string& port) {
  const std::size_t colon = port.rfind(':');
  if (port.starts_with('/') || colon == std::string::npos) return port;
  std::uint16_t number = 0;
  const char* const end = port.data() + port.size();
  const auto [read_to, problem] = std::from_chars(port.data() + colon + 1, end, number);
  if (colon == 0 || problem != std::errc{} || read_to != end || number == 0) {
    return failure(
        ErrorCode::ConfigInvalid, ErrorKind::Permanent,
        port + " is neither a device file (/dev/...) nor HOST:PORT with a port from 1 to 65535");
  }
  return TcpEndpoint{port.substr(0, colon), number};
}

class Listener final : private ByteStreamEvents {
 public:
  Listener(const cli::SerialListen& command, std::variant<std::string, TcpEndpoint> attachment,
           serial::FrameSettings frames, std::string send, platform::AsioLoop& loop,
           StreamOpener& streams)
      : port_(command.port), framer_(std::move(frames)), send_(std::move(send)), loop_(loop) {
    if (auto* const endpoint = std::get_if<TcpEndpoint>(&attachment)) {
      stream_ = streams.tcp(std::move(*endpoint), *this, loop_);
    } else {
      SerialSettings line = command.line;
      line.path = port_;
      stream_ = streams.serial(std::move(line), *this, loop_);
    }
    stream_->open(kOpenTimeout);
  }
  [[nodiscard]] int status() const { return status_; }

 private:
  void on_open() override {
    std::fprintf(stderr, "%s is open; Ctrl-C ends. Times are UTC.\n", port_.c_str());
    if (!send_.empty()) {
      stream_->write(std::as_bytes(std::span(send_)));
      std::fputs(cli::frame_text("sent a request", send_).c_str(), stderr);
    }
    loop_.call_at(loop_.clock().steady() + kSilence, [this] { tell_silence(); });
  }
  void tell_silence() const {
    if (last_) return;
    std::fprintf(stderr, "Nothing has come yet. Are baud rate, parity and wiring right? %s\n",
                 send_.empty() ? "Some devices speak only when they are asked: --send 'TEXT\\r\\n' "
                                 "asks once."
                               : "Is it what the device answers to, with its end?");
  }
  void on_bytes(std::span<const std::byte> bytes) override {
    const SteadyTime now = loop_.clock().steady();
    const auto pause = last_ ? std::optional(now - *last_) : std::nullopt;
    last_ = now;
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    std::fputs(cli::bytes_text(loop_.clock().wall(), pause, text).c_str(), stdout);
    framer_.feed(now, bytes, sink());
    loop_.cancel(std::exchange(silence_, {}));
    if (const auto due = framer_.silence_due()) {
      silence_ = loop_.call_at(*due, [this] {
        framer_.on_silence(loop_.clock().steady(), sink());
        std::fflush(stdout);
      });
    }
    std::fflush(stdout);
  }
  void on_closed(Error why) override {
    const bool in_use = why.context.find("in use") != std::string::npos;
    std::fprintf(stderr, "%s: %s%s%s%s\n", port_.c_str(),
                 std::string(words_for(why.code).name).c_str(), why.context.empty() ? "" : ": ",
                 why.context.c_str(),
                 in_use ? "; a running gateway keeps its ports for itself" : "");
    status_ = cli::kExitProblems;
    loop_.stop();
  }
  static serial::Framer::Sink sink() {
    return {[](const serial::Frame& frame) {
              std::fputs(cli::frame_text("  frame", frame.bytes).c_str(), stdout);
            },
            [](ErrorCode code, std::string_view beginning) {
              const std::string what = "  no frame (" + std::string(words_for(code).name) + ")";
              std::fputs(cli::frame_text(what, beginning).c_str(), stdout);
            }};
  }

  const std::string port_;
  serial::Framer framer_;
  const std::string send_;
  platform::AsioLoop& loop_;
  std::unique_ptr<ByteStream> stream_;
  TimerId silence_;
  std::optional<SteadyTime> last_;
  int status_ = cli::kExitFine;
};

}  // namespace

int serial_listen(const cli::SerialListen& command) {
  auto frames = frames_of(command);
  if (!frames) {
    std::fprintf(stderr, "hubward: frames cannot be told apart like this: %s\n",
                 frames.error().context.c_str());
    return cli::kExitMisuse;
  }
  auto send = serial::bytes_from_text(command.send);
  if (!send) {
    std::fprintf(stderr, "hubward: --send: %s\n", send.error().context.c_str());
    return cli::kExitMisuse;
  }
  auto attachment = attachment_of(command.port);
  if (!attachment) {
    std::fprintf(stderr, "hubward: %s\n", attachment.error().context.c_str());
    return cli::kExitMisuse;
  }
  platform::SystemClock clock;
  platform::AsioLoop loop(clock);
  platform::Resolver resolver;
  platform::AsioStreams streams(resolver);
  platform::Signals signals(loop, [&loop](int) { loop.stop(); });
  Listener listener(command, std::move(*attachment), std::move(*frames), std::move(*send), loop,
                    streams);
  loop.run();
  return listener.status();
}

}  // namespace hubward
