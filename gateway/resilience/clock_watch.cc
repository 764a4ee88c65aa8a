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
  if (!is_wrong() && owes_try_ && now.steady >= next_try_) {
    next_try_ = now.steady + kTryAgainEvery;
    owes_try_ = false;
    change.try_again = true;
    change.renew_tokens = std::exchange(owes_renewal_, false) || cloud_vouches(ours, now.steady);
  }
  return change;
}

void ClockWatch::on_service_time(const dps::ServiceTime& said, const ClockLook& now) {
  const auto ahead = said.at - now.wall;
  const Offset offset = offset_of({said.at, now.steady});
  if (said.is_now || std::chrono::abs(ahead) <= kDifferenceMax) {
    // A registration that was written by our time has been written just now.
    cloud_ = CloudClock{offset, false, now.steady};
  } else if (ahead > 0ms && (!cloud_ || offset > cloud_->offset)) {
    cloud_ = CloudClock{offset, true, now.steady};
  }
  judge(now);
}

void ClockWatch::on_token_accepted(std::chrono::seconds life, const ClockLook& now) {
  // Our clock is behind the cloud's by less than the token's life and the cloud's patience: what
  // was on disk came from a wrong future.
  if (now.wall + life + std::chrono::hours{1} < newest_known_) newest_known_ = now.wall;
  judge(now);
}

// Whether the cloud has shown our time.
bool ClockWatch::cloud_vouches(Offset ours, SteadyTime now) const {
  return cloud_ && !cloud_->at_least &&
         std::chrono::abs(cloud_->offset - ours) <= allowed_after(now - cloud_->heard);
}

void ClockWatch::judge(const ClockLook& now) {
  const Offset ours = offset_of(now);
  state_.trust = ClockTrust::Wrong;
  state_.cloud_ahead.reset();
  if (cloud_) {
    const Offset ahead = cloud_->offset - ours;
    if (!cloud_->at_least || ahead > 0ms) state_.cloud_ahead = ahead;
    const Offset allowed = allowed_after(now.steady - cloud_->heard);
    if (ahead > allowed || (!cloud_->at_least && -ahead > allowed)) {
      state_.why = cloud_words(ahead, cloud_->at_least);
      return;
    }
  }
  if (now.wall < built_) {
    state_.why = early_words(now.wall, "hubward was built");
    return;
  }
  const bool vouched = synchronised_ || cloud_vouches(ours, now.steady);
  if (!vouched && now.wall < newest_known_) {
    state_.why = early_words(now.wall, "it was last in use (" + minute_of(newest_known_) + ")");
    return;
  }
  if (!vouched && vouched_ && ours < *vouched_ - kDifferenceMax) {
    state_.why = "this computer's clock was set back by " + duration_words(*vouched_ - ours);
    return;
  }
  if (vouched) {
    vouched_ = ours;
    newest_known_ = std::min(newest_known_, now.wall);
  }
  state_.why.clear();
  state_.trust = synchronised_ ? ClockTrust::Synchronised : ClockTrust::HeldOver;
}

ErrorCode ClockWatch::explain(ErrorCode failure, bool certificate_dates) const {
  if (certificate_dates && state_.trust != ClockTrust::Synchronised) return ErrorCode::ClockWrong;
  if (!is_wrong()) return failure;
  switch (failure) {
    case ErrorCode::HubRefused:
    case ErrorCode::HubRefusedAfterDps:
    case ErrorCode::DpsUnauthorized:
    case ErrorCode::TlsUntrusted:
      return ErrorCode::ClockWrong;
    default:
      return failure;
  }
}

}  // namespace hubward::resilience
