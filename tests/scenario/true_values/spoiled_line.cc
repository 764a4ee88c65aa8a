// A pseudo-terminal with RTU units behind it.
#include <unistd.h>

#include <algorithm>
#include <array>
#include <deque>
#include <utility>

#include "proto/modbus/rtu.h"
#include "tests/scenario/true_values/spoiled_devices.h"
#include "tests/sim/plant/pty.h"

namespace hubward::modbus {
namespace {

using namespace std::chrono_literals;

constexpr double kRequestLost = 0.002;
constexpr double kAnswerLost = 0.002;
constexpr double kLate = 0.008;
// Some of the late ones come soon after the time-out, some at any time, and most of them when the
// unit is asked again: half a second after the time-out (BusSchedule::kRetryFirst).
constexpr auto kSoon = 300ms;
constexpr auto kLatest = 3s;
constexpr auto kAskedAgain = kAnswerTimeout + 500ms;
constexpr double kDamaged = 0.004;
constexpr double kCut = 0.002;
constexpr double kNoiseBefore = 0.004;
constexpr double kNoiseAfter = 0.004;
constexpr double kGlitch = 0.02;  // 00 or FF as the line changes direction
constexpr double kUnplugged = 0.0015;
constexpr auto kUnpluggedFor = 100ms;
// Old answers come this long after the port was opened. Answers to somebody else's questions pass
// in one response time-out (README of the adapter); this is well below.
constexpr auto kStaleAfterOpen = 50ms;
constexpr std::size_t kStaleMax = 8;
constexpr auto kRequestBytes = 8U;  // of any read

class SpoiledLine final : public SpoiledPlace {
 public:
  SpoiledLine(std::uint8_t number, std::filesystem::path link, bool echo, AskedLog& log,
              Spoils& spoils, At at)
      : number_(number),
        pty_(std::move(link)),
        echo_(echo),
        log_(log),
        spoils_(spoils),
        at_(std::move(at)),
        random_(number) {}

  void add_files(std::vector<int>& files) const override {
    if (pty_.is_open() && has_reader_) files.push_back(pty_.wire());
  }

  void on_readable(int file) override {
    std::array<std::byte, 512> in{};
    const auto count = ::read(file, in.data(), in.size());
    if (count <= 0) return;
    const auto bytes = std::span(in).first(static_cast<std::size_t>(count));
    if (echo_) {
      ++spoils_.echoed;
      send(bytes);
    }
    got_.insert(got_.end(), bytes.begin(), bytes.end());
    while (got_.size() >= kRequestBytes) {
      const std::vector<std::byte> frame(got_.begin(), got_.begin() + kRequestBytes);
      const auto parsed = parse_rtu(frame);
      got_.erase(got_.begin(), got_.begin() + (parsed ? kRequestBytes : 1));
      if (parsed) take(frame, *parsed);
    }
  }

  // A terminal that nobody has open reports a hang-up all the time, so it is looked at, not waited
  // for.
  void on_round() override {
    if (!pty_.is_open()) return;
    const bool before = std::exchange(has_reader_, pty_.has_reader());
    if (!has_reader_ || before) return;
    const auto opened = log_.opened_at();
    for (std::size_t i = 0; i < kStaleMax; ++i) {
      at_(Clock::now() + up_to(kStaleAfterOpen / 2), [this, opened] {
        if (Clock::now() - opened < kStaleAfterOpen) send_stale();
      });
    }
  }

 private:
  bool happens(double often) { return random_.unit() < often; }
  Clock::duration up_to(Clock::duration most) {
    return std::chrono::duration_cast<Clock::duration>(most * random_.unit());
  }
  std::byte any_byte() { return static_cast<std::byte>(random_.next() & 0xFF); }

  Clock::duration lateness() {
    if (happens(0.2)) return up_to(kSoon);
    if (happens(0.2)) return up_to(kLatest);
    return kAskedAgain + up_to(kAnswerTimeout);
  }

  void take(std::span<const std::byte> bytes, const RtuFrame& frame) {
    const std::uint32_t asked = log_.number_of(bytes);
    const auto request = parse_request(frame.pdu);
    if (!request) return;
    if (happens(kUnplugged)) return unplug();
    if (happens(kRequestLost)) {
      ++spoils_.lost;
      return;
    }
    auto whole = encode_rtu(frame.unit, answer_pdu(number_, frame.unit, *request, asked));
    // A unit works on one request at a time.
    Clock::time_point& busy = busy_until_[frame.unit];
    const auto now = Clock::now();
    busy = std::max(now, busy) + 200us;
    if (happens(kLate)) busy += lateness();
    if (busy - now > kAnswerTimeout) ++spoils_.late;
    at_(busy, [this, whole = std::move(whole)] { answer(whole); });
  }

  void answer(const std::vector<std::byte>& whole) {
    answers_.push_back(whole);
    if (answers_.size() > kStaleMax) answers_.pop_front();
    ++spoils_.answered;
    if (happens(kAnswerLost)) {
      ++spoils_.lost;
      return;
    }
    auto bytes = whole;
    if (happens(kDamaged)) {
      ++spoils_.damaged;
      const std::size_t place = random_.next() % bytes.size();
      bytes[place] ^= any_byte();
      if (place + 1 < bytes.size()) bytes[place + 1] ^= any_byte();
    }
    if (happens(kCut)) {
      ++spoils_.damaged;
      bytes.resize(random_.next() % bytes.size());
    }
    if (happens(kNoiseBefore)) {
      const auto noise = some_noise();
      bytes.insert(bytes.begin(), noise.begin(), noise.end());
    }
    if (happens(kGlitch))
      bytes.insert(bytes.begin(), happens(0.5) ? std::byte{0} : std::byte{0xFF});
    const std::size_t half = random_.next() % (bytes.size() + 1);
    send(std::span(bytes).first(half));
    send(std::span(bytes).subspan(half));
    if (happens(kNoiseAfter)) {
      at_(Clock::now() + up_to(4ms), [this, noise = some_noise()] { send(noise); });
    }
  }

  std::vector<std::byte> some_noise() {
    ++spoils_.noise;
    std::vector<std::byte> noise(1 + random_.next() % 6);
    for (auto& byte : noise) byte = any_byte();
    return noise;
  }

  void unplug() {
    ++spoils_.cut_off;
    pty_.unplug();
    has_reader_ = false;
    got_.clear();
    at_(Clock::now() + kUnpluggedFor, [this] {
      if (!pty_.plug_in()) return;
      for (std::size_t i = 0; i < kStaleMax; ++i) send_stale();  // before anybody has opened it
    });
  }

  void send_stale() {
    if (answers_.empty()) return;
    ++spoils_.stale_at_open;
    send(answers_[random_.next() % answers_.size()]);
  }

  void send(std::span<const std::byte> bytes) {
    if (!pty_.is_open() || bytes.empty()) return;
    [[maybe_unused]] const auto sent = ::write(pty_.wire(), bytes.data(), bytes.size());
  }

  std::uint8_t number_;
  plant::Pty pty_;
  bool echo_;
  AskedLog& log_;
  Spoils& spoils_;
  At at_;
  hubward::test::SeededRandom random_;
  bool has_reader_ = false;
  std::vector<std::byte> got_;
  std::map<std::uint8_t, Clock::time_point> busy_until_;
  std::deque<std::vector<std::byte>> answers_;  // the last ones
};

}  // namespace

std::unique_ptr<SpoiledPlace> spoiled_line(std::uint8_t number, std::filesystem::path link,
                                           bool echo, AskedLog& log, Spoils& spoils,
                                           SpoiledPlace::At at) {
  return std::make_unique<SpoiledLine>(number, std::move(link), echo, log, spoils, std::move(at));
}

}  // namespace hubward::modbus
