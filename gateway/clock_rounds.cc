#include "gateway/clock_rounds.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include "gateway/api/duration_words.h"

namespace hubward {
namespace {

using std::chrono::milliseconds;

constexpr std::chrono::seconds kEvery{1};
// A correction that has changed by less is not worth a word to every device.
constexpr milliseconds kTellMin{50};
// The least time over which tokens are made anew, however few devices there are.
constexpr milliseconds kRenewWithinMin{2000};

std::string as_sentence(std::string words) {
  if (!words.empty()) {
    words[0] = static_cast<char>(std::toupper(static_cast<unsigned char>(words[0])));
  }
  return words + ".";
}

}  // namespace

ClockRounds::ClockRounds(ClockRoundsSettings settings, platform::SystemClock& clock,
                         resilience::ClockWatch& watch, Loop& loop, device::DeviceRoster& roster,
                         observe::StatusBoard& board, Log& log)
    : settings_(settings),
      clock_(clock),
      watch_(watch),
      loop_(loop),
      roster_(roster),
      board_(board),
      log_(log) {}

ClockRounds::~ClockRounds() { loop_.cancel(timer_); }

void ClockRounds::begin() {
  look();
  tell_devices({});
}

void ClockRounds::look() {
  timer_ = loop_.call_at(clock_.steady() + kEvery, [this] { look(); });
  const resilience::ClockLook now{clock_.wall(), clock_.steady()};
  const resilience::ClockChange change = watch_.look(now, clock_.is_synchronised());
  clock_.judge(!watch_.is_wrong(), now.wall, now.steady);
  tell(change);
  const auto moved = watch_.correction().wall_minus_steady - told_.wall_minus_steady;
  if (change.set_by != milliseconds{0} || change.trust_changed || change.try_again ||
      watch_.correction().known != told_.known || std::chrono::abs(moved) >= kTellMin) {
    tell_devices(change);
  }
  if (watch_.state() != board_.clock_state()) board_.set_clock_state(watch_.state());
}

// To people: what has changed, not what still is.
void ClockRounds::tell(const resilience::ClockChange& change) {
  if (change.set_by != milliseconds{0}) {
    board_.clock_set_by(change.set_by);
    log_.write(LogLevel::Warn, "clock_set",
               {{"by_ms", std::to_string(change.set_by.count())},
                {"believed", watch_.is_wrong() ? "no" : "yes"}});
    event("clock_set", std::string("This computer's clock was set ") +
                           (change.set_by > milliseconds{0} ? "forward" : "back") + " by " +
                           duration_words(std::chrono::abs(change.set_by)) + ".");
  }
  if (!change.trust_changed) return;
  if (watch_.is_wrong()) {
    log_.write(LogLevel::Error, "clock_wrong", {{"detail", watch_.state().why}});
    event("clock_wrong", as_sentence(watch_.state().why));
  } else {
    log_.write(LogLevel::Info, "clock_right", {});
    event("clock_right", "This computer's clock is right again.");
  }
}

void ClockRounds::tell_devices(const resilience::ClockChange& change) {
  told_ = watch_.correction();
  device::ClockNews news;
  news.sight = {settings_.boot_id, told_.known, told_.wall_minus_steady};
  news.set_by = change.set_by;
  news.try_again = change.try_again;
  if (change.renew_tokens) {
    news.renew_within = kRenewWithinMin;
    if (settings_.connections_per_second > 0) {  // 0: unlimited
      const std::chrono::duration<double> needed(static_cast<double>(roster_.size()) /
                                                 settings_.connections_per_second);
      news.renew_within =
          std::max(kRenewWithinMin, std::chrono::duration_cast<milliseconds>(needed));
    }
  }
  roster_.on_clock(news);
}

void ClockRounds::event(const char* word, std::string text) {
  board_.event({clock_.wall(), std::nullopt, word, std::move(text)});
}

}  // namespace hubward
