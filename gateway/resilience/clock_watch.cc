#include "gateway/resilience/clock_watch.h"

#include <algorithm>
#include <utility>

#include "gateway/api/duration_words.h"
#include "proto/iso_time.h"

namespace hubward::resilience {
namespace {

using namespace std::chrono_literals;
using std::chrono::milliseconds;

// Time services steer smaller differences slowly; what is larger has been set.
constexpr milliseconds kSetMin = 2s;
constexpr milliseconds kJumpMax = 24h;
constexpr auto kTryAgainEvery = 60s;
// How long a hub lets a connection outlive its token, with plenty to spare (5 or 10 minutes are
// told).
constexpr auto kPatience = 1h;
// A crystal may run wrong by this much (ntpd and the kernel take 500 ppm as the worst there is):
// what was heard long ago binds less.
constexpr std::int64_t kDriftPerPart = 2000;

milliseconds allowed_after(SteadyTime::duration age) {
  return ClockWatch::kDifferenceMax + std::chrono::ceil<milliseconds>(age) / kDriftPerPart;
}

// "2026-01-05 08:00" UTC.
std::string minute_of(WallTime time) {
  std::string text = to_iso8601(time).substr(0, 16);
  text[10] = ' ';
  return text;
}

std::string cloud_words(milliseconds ahead, bool at_least) {
  std::string words = "this computer's clock is ";
  if (at_least) words += "at least ";
  words += duration_words(std::chrono::abs(ahead));
  return words + (ahead > 0ms ? " behind the cloud's" : " ahead of the cloud's");
}

std::string early_words(WallTime now, const std::string& before) {
  return "this computer's clock shows " + minute_of(now) + " UTC, which is before " + before;
}

}  // namespace

ClockWatch::ClockWatch(WallTime built, WallTime newest_known)
    : built_(built), newest_known_(newest_known) {}

ClockWatch::Offset ClockWatch::offset_of(const ClockLook& at) {
  return at.wall.time_since_epoch() -
         std::chrono::floor<milliseconds>(at.steady.time_since_epoch());
}

ClockChange ClockWatch::look(const ClockLook& now, bool synchronised) {
  ClockChange change;
  const Offset ours = offset_of(now);
  if (last_ && std::chrono::abs(ours - *last_) >= kSetMin) {
    change.set_by = ours - *last_;
    ++state_.times_set;
    owes_try_ = true;
    owes_renewal_ = synchronised || std::chrono::abs(change.set_by) <= kJumpMax;
  }
  last_ = ours;
  synchronised_ = synchronised;
  judge(now);
  if (is_wrong() != told_wrong_) {
    told_wrong_ = is_wrong();
    change.trust_changed = true;
    owes_try_ = true;
  }
  const bool tokens_are_right = !was_misdated({token_time(now), now.steady});
  if (tokens_are_right && owes_try_ && now.steady >= next_try_) {
    next_try_ = now.steady + kTryAgainEvery;
    owes_try_ = false;
    change.try_again = true;
    const bool owed = std::exchange(owes_renewal_, false);
    change.renew_tokens = !is_wrong() && (owed || cloud_vouches(ours, now.steady));
  }
  return change;
}

void ClockWatch::on_service_time(const dps::ServiceTime& said, const ClockLook& now) {
  const auto ahead = said.at - now.wall;
  const Offset offset = offset_of({said.at, now.steady});
  if (said.is_now) {
    cloud_ = CloudClock{offset, Grade::Exact, now.steady};
  } else if (cloud_vouches(offset, now.steady)) {
    // Nothing new; and it does not make an exact word less so.
  } else if (std::chrono::abs(ahead) <= kDifferenceMax) {
    // A registration that was written by our time has been written just now.
    cloud_ = CloudClock{offset, Grade::About, now.steady};
  } else if (ahead > 0ms && (!cloud_ || offset > cloud_->offset)) {
    cloud_ = CloudClock{offset, Grade::AtLeast, now.steady};
  }
  const bool was_wrong = is_wrong();
  judge(now);
  // Those who were refused before this was known have a better time for their next token.
  if (is_wrong() && !was_wrong) owes_try_ = true;
}

void ClockWatch::on_token_accepted(std::chrono::seconds life, const ClockLook& now) {
  if (contradicted(offset_of(now), now.steady)) return;  // it was dated by the cloud's time
  // Our clock is behind the cloud's by less than the token's life and the cloud's patience: what
  // was on disk came from a wrong future.
  if (now.wall + life + kPatience < newest_known_) newest_known_ = now.wall;
  judge(now);
}

std::optional<ClockWatch::Offset> ClockWatch::contradicted(Offset offset, SteadyTime now) const {
  if (!cloud_) return std::nullopt;
  const Offset ahead = cloud_->offset - offset;
  const Offset allowed = allowed_after(now - cloud_->heard);
  if (ahead > allowed || (cloud_->grade != Grade::AtLeast && -ahead > allowed)) return ahead;
  return std::nullopt;
}

// Whether the cloud has shown this time.
bool ClockWatch::cloud_vouches(Offset offset, SteadyTime now) const {
  return cloud_ && cloud_->grade != Grade::AtLeast && !contradicted(offset, now);
}

std::string ClockWatch::why_wrong(const ClockLook& now, bool vouched) const {
  const Offset offset = offset_of(now);
  if (const auto ahead = contradicted(offset, now.steady)) {
    return cloud_words(*ahead, cloud_->grade == Grade::AtLeast);
  }
  if (now.wall < built_) return early_words(now.wall, "hubward was built");
  if (vouched) return {};
  if (now.wall < newest_known_) {
    return early_words(now.wall, "it was last in use (" + minute_of(newest_known_) + ")");
  }
  if (vouched_ && offset < *vouched_ - kDifferenceMax) {
    return "this computer's clock was set back by " + duration_words(*vouched_ - offset);
  }
  return {};
}

// What the time is where a clock of this offset is wrong.
ClockCorrection ClockWatch::better_than(Offset wrong, SteadyTime now) const {
  // It was right before it was set: readings go on by the time they had.
  if (vouched_ && !contradicted(*vouched_, now)) return {true, *vouched_};
  if (cloud_ && cloud_->grade == Grade::Exact) return {true, cloud_->offset};
  return {false, wrong};
}

ClockCorrection ClockWatch::correction_at(const ClockLook& now) const {
  const Offset ours = offset_of(now);
  return was_misdated(now) ? better_than(ours, now.steady) : ClockCorrection{true, ours};
}

void ClockWatch::judge(const ClockLook& now) {
  const Offset ours = offset_of(now);
  const bool vouched = synchronised_ || cloud_vouches(ours, now.steady);
  state_.why = why_wrong(now, vouched);
  state_.cloud_ahead.reset();
  if (cloud_ && (cloud_->grade != Grade::AtLeast || cloud_->offset > ours)) {
    state_.cloud_ahead = std::chrono::round<std::chrono::seconds>(cloud_->offset - ours);
  }
  correction_ = correction_at(now);
  if (!state_.why.empty()) {
    state_.trust = ClockTrust::Wrong;
    return;
  }
  state_.trust = synchronised_ ? ClockTrust::Synchronised : ClockTrust::HeldOver;
  if (!vouched) return;
  vouched_ = ours;
  newest_known_ = std::min(newest_known_, now.wall);
}

WallTime ClockWatch::token_time(const ClockLook& now) const {
  if (!was_misdated(now)) return now.wall;
  const ClockCorrection better = better_than(offset_of(now), now.steady);
  Offset offset = better.wall_minus_steady;
  if (!better.known && contradicted(offset, now.steady)) offset = cloud_->offset;
  return WallTime{offset + std::chrono::floor<milliseconds>(now.steady.time_since_epoch())};
}

bool ClockWatch::was_misdated(const ClockLook& then) const {
  const bool vouched = synchronised_ || cloud_vouches(offset_of(then), then.steady);
  return !why_wrong(then, vouched).empty();
}

}  // namespace hubward::resilience
