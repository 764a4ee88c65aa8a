#include "adapters/serial/serial_adapter.h"

#include <algorithm>
#include <utility>

namespace hubward::serial {
namespace {

std::string in_words(const std::variant<TcpEndpoint, SerialSettings>& attachment) {
  if (const auto* tcp = std::get_if<TcpEndpoint>(&attachment)) {
    return tcp->host + ":" + std::to_string(tcp->port);
  }
  return std::get<SerialSettings>(attachment).path;
}

}  // namespace

SerialAdapter::SerialAdapter(DeviceSettings settings, StreamOpener& opener, Loop& loop)
    : settings_(std::move(settings)),
      source_(in_words(settings_.attachment)),
      opener_(opener),
      loop_(loop),
      framer_(settings_.frames) {}

SerialAdapter::~SerialAdapter() { stop(); }

Status SerialAdapter::start(ReadingSink& sink) {
  if (std::string problem = framing_problem(settings_.frames); !problem.empty()) {
    return failure(ErrorCode::ConfigInvalid, ErrorKind::Permanent, std::move(problem));
  }
  auto extractor = FrameExtractor::make(settings_);
  if (!extractor) return tl::unexpected(extractor.error());
  extractor_.emplace(std::move(*extractor));
  sink_ = &sink;
  if (const auto* tcp = std::get_if<TcpEndpoint>(&settings_.attachment)) {
    stream_ = opener_.tcp(*tcp, *this, loop_);
  } else {
    stream_ = opener_.serial(std::get<SerialSettings>(settings_.attachment), *this, loop_);
  }
  open();
  return {};
}

void SerialAdapter::open() {
  reopen_ = {};
  stream_->open(kOpenTimeout);
}

void SerialAdapter::stop() noexcept {
  sink_ = nullptr;
  loop_.cancel(std::exchange(reopen_, {}));
  loop_.cancel(std::exchange(silence_, {}));
  if (stream_) stream_->close();
}

void SerialAdapter::write(WriteRequest, WriteDone done) {
  done({.outcome = WriteResult::Outcome::Refused,
        .code = ErrorCode::NotWritable,
        .detail = "this device only speaks; nothing can be written to it",
        .read_back = {}});
}

void SerialAdapter::on_open() {
  opened_at_ = loop_.clock().steady();
  last_bytes_.reset();
  report_state(FieldState::Link::Unknown, {}, source_ + " is open; no line has come yet");
}

void SerialAdapter::on_bytes(std::span<const std::byte> bytes) {
  const SteadyTime now = loop_.clock().steady();
  if (!last_bytes_ && now - opened_at_ < kJoinSilence) framer_.join();
  last_bytes_ = now;
  framer_.feed(now, bytes, frame_sink());
  wait_for_silence();
}

void SerialAdapter::wait_for_silence() {
  loop_.cancel(std::exchange(silence_, {}));
  const auto due = framer_.silence_due();
  if (!due || sink_ == nullptr) return;
  silence_ =
      loop_.call_at(*due, [this] { framer_.on_silence(loop_.clock().steady(), frame_sink()); });
}

Framer::Sink SerialAdapter::frame_sink() {
  return {[this](const Frame& frame) { take_frame(frame); },
          [this](ErrorCode code, std::string_view beginning) { report_bad(code, beginning); }};
}

void SerialAdapter::on_closed(Error why) {
  loop_.cancel(std::exchange(silence_, {}));
  const std::string cut = framer_.abandon();
  if (!cut.empty()) report_bad(ErrorCode::BadPayload, cut);
  const std::string context = why.context.empty() ? "" : ": " + why.context;
  report_state(
      FieldState::Link::Down, why.code,
      source_ + context + "; tried again every " + std::to_string(kReopenDelay.count()) + " s");
  if (sink_ == nullptr) return;
  reopen_ = loop_.call_at(loop_.clock().steady() + kReopenDelay, [this] { open(); });
}

void SerialAdapter::take_frame(const Frame& frame) {
  // Many devices send CR LF LF, or a blank line.
  if (frame.content.empty() || sink_ == nullptr) return;
  auto readings = extractor_->extract(frame.content);
  if (!readings) return report_bad(readings.error().code, frame.content);
  report_state(FieldState::Link::Up, {}, source_);
  if (sink_ == nullptr) return;
  const Clock& clock = loop_.clock();
  sink_->deliver({.device = settings_.device,
                  .at = clock.wall(),
                  .at_steady = clock.steady(),
                  .readings = std::move(*readings)},
                 {});
}

void SerialAdapter::report_bad(ErrorCode code, std::string_view text) {
  if (sink_ == nullptr) return;
  const auto bytes = std::as_bytes(std::span(text));
  const auto kept = bytes.first(std::min(bytes.size(), BadInput::kSampleBytesMax));
  sink_->bad_input({.device = settings_.device,
                    .source = source_,
                    .code = code,
                    .sample = {kept.begin(), kept.end()}});
}

void SerialAdapter::report_state(FieldState::Link link, ErrorCode code, std::string detail) {
  if (sink_ == nullptr) return;
  if (reported_ && reported_->link == link && reported_->code == code) return;
  reported_ = FieldState{.link = link, .code = code, .detail = std::move(detail)};
  sink_->field_state(settings_.device, *reported_);
}

}  // namespace hubward::serial
