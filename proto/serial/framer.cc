#include "proto/serial/framer.h"

#include <algorithm>
#include <utility>

namespace hubward::serial {
namespace {

// What is told of bytes that no frame begins with.
constexpr std::size_t kNoiseKept = 64;
// Looking through damaged frames again costs at most this many steps for each byte that came, so
// that no input can make it slow.
constexpr std::size_t kAgainPerByte = 16;

// Many devices send blank bytes between frames: the CR LF behind ETX, zeros while they start.
bool is_blank(char c) { return c == '\r' || c == '\n' || c == ' ' || c == '\0'; }

}  // namespace

Framer::Framer(FrameSettings settings)
    : settings_(std::move(settings)), start_(start_mark(settings_)), end_(settings_) {
  begin();
}

void Framer::begin() {
  buffer_.clear();
  end_.reset();
  state_ = start_.empty() ? State::Inside : State::Hunting;
}

std::chrono::milliseconds Framer::silence() const {
  if (const auto* gap = std::get_if<Gap>(&settings_.framing)) return gap->silence;
  const bool marked = !start_.empty() || std::holds_alternative<Delimited>(settings_.framing);
  return marked ? kCutAfterSilence : kUnmarkedSilence;
}

void Framer::feed(SteadyTime now, std::span<const std::byte> bytes, const Sink& sink) {
  if (bytes.empty()) return;
  if (last_byte_ && now - *last_byte_ > silence()) end_by_silence(sink);
  last_byte_ = now;
  const std::size_t frame_max = settings_.bytes_max + start_.size();
  for (const std::byte byte : bytes) {
    again_max_ = std::min(again_max_ + kAgainPerByte, kAgainPerByte * frame_max);
    take(static_cast<char>(byte), sink);
    while (!again_.empty()) {
      const char next = again_.back();
      again_.pop_back();
      take(next, sink);
    }
  }
}

std::optional<SteadyTime> Framer::silence_due() const {
  const auto* gap = std::get_if<Gap>(&settings_.framing);
  if (gap == nullptr || !last_byte_ || buffer_.empty()) return std::nullopt;
  return *last_byte_ + gap->silence;
}

void Framer::on_silence(SteadyTime now, const Sink& sink) {
  if (last_byte_ && now - *last_byte_ >= silence()) end_by_silence(sink);
}

void Framer::end_by_silence(const Sink& sink) {
  if (state_ == State::Hunting) tell_noise(sink);
  if (state_ == State::Inside && !buffer_.empty()) {
    if (std::holds_alternative<Gap>(settings_.framing)) return complete(sink);
    if (!std::all_of(buffer_.begin(), buffer_.end(), is_blank)) {
      sink.bad(ErrorCode::BadPayload, buffer_);
    }
  }
  dropped_bytes_ += buffer_.size();
  quiet_ = false;
  begin();
}

void Framer::join() {
  if (state_ == State::Skipping) return;
  if (start_.empty()) return skip_rest();
  dropped_bytes_ += buffer_.size();
  begin();
  quiet_ = true;
}

std::string Framer::abandon() {
  std::string begun = state_ == State::Inside ? buffer_ : std::string();
  dropped_bytes_ += buffer_.size();
  begin();
  noise_.clear();
  noise_bytes_ = 0;
  quiet_ = false;
  last_byte_.reset();
  return begun;
}

void Framer::take(char byte, const Sink& sink) {
  switch (state_) {
    case State::Hunting:
      return hunt(byte, sink);
    case State::Inside:
      return collect(byte, sink);
    case State::Skipping:
      return skip(byte);
  }
}

void Framer::hunt(char byte, const Sink& sink) {
  buffer_.push_back(byte);
  if (buffer_.size() > start_.size()) {
    if (noise_.size() < kNoiseKept) noise_.push_back(buffer_.front());
    ++noise_bytes_;
    ++dropped_bytes_;
    buffer_.erase(0, 1);
  }
  if (buffer_ == start_) {
    tell_noise(sink);
    state_ = State::Inside;
    end_.reset();
  } else if (noise_bytes_ >= settings_.bytes_max) {
    tell_noise(sink);
  }
}

void Framer::tell_noise(const Sink& sink) {
  const bool blank = std::all_of(noise_.begin(), noise_.end(), is_blank);
  const std::string noise = std::exchange(noise_, {});
  noise_bytes_ = 0;
  if (!std::exchange(quiet_, false) && !blank) sink.bad(ErrorCode::BadFrame, noise);
}

void Framer::collect(char byte, const Sink& sink) {
  buffer_.push_back(byte);
  switch (end_.see(buffer_)) {
    case FrameEnd::Progress::More:
      return;
    case FrameEnd::Progress::Complete:
      return complete(sink);
    case FrameEnd::Progress::Damaged:
      return drop_damaged(sink);
    case FrameEnd::Progress::BeginsNew: {
      const std::size_t cut = buffer_.size() - start_.size();
      sink.bad(ErrorCode::BadPayload, std::string_view(buffer_).substr(0, cut));
      dropped_bytes_ += cut;
      buffer_.erase(0, cut);
      return end_.reset();
    }
    case FrameEnd::Progress::TooLong:
      return drop_overlong(sink);
  }
}

void Framer::complete(const Sink& sink) {
  const std::string bytes = unstuffed(settings_, buffer_);
  if (settings_.check && !check_holds(*settings_.check, bytes)) return drop_damaged(sink);
  begin();
  sink.frame({bytes, content_of(settings_, bytes)});
}

void Framer::drop_damaged(const Sink& sink) {
  const std::string damaged = std::exchange(buffer_, {});
  begin();
  quiet_ = true;
  if (!start_.empty() && again_max_ >= damaged.size()) {
    again_max_ -= damaged.size();
    ++dropped_bytes_;
    again_.append(damaged.rbegin(), damaged.rend() - 1);
  } else {
    dropped_bytes_ += damaged.size();
    // A line ends at its delimiter, whatever its check says, and a silence was just now with Gap.
    // Without either the next frame begins after a silence.
    const bool ended = std::holds_alternative<Delimited>(settings_.framing) ||
                       std::holds_alternative<Gap>(settings_.framing);
    if (start_.empty() && !ended) state_ = State::Skipping;
  }
  sink.bad(ErrorCode::BadFrame, damaged);
}

void Framer::drop_overlong(const Sink& sink) {
  const std::string beginning = buffer_;
  if (start_.empty()) {
    skip_rest();
  } else {
    dropped_bytes_ += buffer_.size();
    begin();
    quiet_ = true;
  }
  sink.bad(ErrorCode::InputTooLong, beginning);
}

void Framer::skip_rest() {
  // Its last bytes may be the beginning of the delimiter that ends it.
  const auto* lines = std::get_if<Delimited>(&settings_.framing);
  const std::size_t keep = lines == nullptr ? 0 : lines->end.size() - 1;
  const std::size_t cut = buffer_.size() - std::min(keep, buffer_.size());
  dropped_bytes_ += cut;
  buffer_.erase(0, cut);
  state_ = State::Skipping;
  skip_after_end_ = 0;
}

void Framer::skip(char byte) {
  const auto* lines = std::get_if<Delimited>(&settings_.framing);
  if (lines == nullptr) {
    ++dropped_bytes_;  // until a silence
    return;
  }
  if (skip_after_end_ > 0) {
    ++dropped_bytes_;
    if (--skip_after_end_ == 0) begin();
    return;
  }
  buffer_.push_back(byte);
  if (buffer_.ends_with(lines->end)) {
    dropped_bytes_ += buffer_.size();
    buffer_.clear();
    skip_after_end_ = lines->bytes_after_end;
    if (skip_after_end_ == 0) begin();
  } else if (buffer_.size() >= lines->end.size()) {
    buffer_.erase(0, 1);
    ++dropped_bytes_;
  }
}

}  // namespace hubward::serial
