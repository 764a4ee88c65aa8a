#include "adapters/modbus/bus_adapter.h"

#include <algorithm>
#include <utility>

#include "adapters/modbus/attached_wire.h"
#include "adapters/modbus/settings_check.h"

namespace hubward::modbus {
namespace {

// The loop is never asked to wake in the past or more often than this.
constexpr std::chrono::milliseconds kTimerStep{1};

std::string in_words(const TcpEndpoint& tcp) {
  const bool v6 = tcp.host.find(':') != std::string::npos;
  return (v6 ? "[" + tcp.host + "]" : tcp.host) + ":" + std::to_string(tcp.port);
}

std::string place_of(const BusSettings& settings) {
  if (const auto* line = std::get_if<SerialSettings>(&settings.attachment)) return line->path;
  const auto* converter = std::get_if<RtuOverTcp>(&settings.attachment);
  return in_words(converter != nullptr ? converter->endpoint
                                       : std::get<TcpEndpoint>(settings.attachment));
}

// The most that any of its devices takes at a time.
std::size_t in_flight_max(const BusSettings& settings) {
  std::size_t most = 1;
  for (const auto& device : settings.devices) {
    most = std::max<std::size_t>(most, device.limits.in_flight_max);
  }
  return most;
}

}  // namespace

BusAdapter::BusAdapter(BusSettings settings, StreamOpener& streams, Loop& loop)
    : settings_(std::move(settings)),
      streams_(streams),
      loop_(loop),
      place_(place_of(settings_)),
      alive_(std::make_shared<bool>(true)) {}

BusAdapter::~BusAdapter() {
  *alive_ = false;
  stop();
}

Status BusAdapter::start(ReadingSink& sink) {
  if (auto status = check(settings_); !status) return status;
  BusSchedule::Options options{.place = place_, .serial = timing_of(settings_.attachment).serial};
  const auto longest = longest_timeout();
  if (std::holds_alternative<SerialSettings>(settings_.attachment)) options.network = false;
  if (!has_rtu_frames()) options.in_flight_max = in_flight_max(settings_);
  auto [wire, stream] = wire_to(settings_.attachment, longest, streams_, *this, loop_);
  wire_ = std::move(wire);
  stream_ = std::move(stream);
  schedule_.emplace(settings_.devices, std::move(options), now().steady);
  sink_ = &sink;
  stream_->open(kOpenTimeout);
  return {};
}

void BusAdapter::write(WriteRequest request, WriteDone done) {
  if (sink_ == nullptr) {
    done({WriteResult::Outcome::Expired, ErrorCode::Stopped, "hubward is stopping; not written",
          std::nullopt});
    return;
  }
  const WriteId id{++last_write_};
  writes_.emplace(id.value, std::move(done));
  schedule_->on_write(id, request, now().steady);
  // Later, because this may be called from inside the sink.
  loop_.post([this, alive = alive_] {
    if (*alive) pump();
  });
}

void BusAdapter::withdraw_writes() {
  if (sink_ == nullptr) return;
  for (auto& [number, call] : calls_) call.writes_withdrawn = true;
  schedule_->withdraw_writes();
  loop_.post([this, alive = alive_] {
    if (*alive) pump();
  });
}

void BusAdapter::wind_down(std::function<void()> done) {
  if (sink_ == nullptr) return loop_.post(std::move(done));
  wound_down_ = std::move(done);
  schedule_->wind_down(now().steady);
  loop_.post([this, alive = alive_] {
    if (*alive) pump();
  });
}

std::chrono::milliseconds BusAdapter::longest_timeout() const {
  std::chrono::milliseconds longest{0};
  for (const auto& device : settings_.devices) longest = std::max(longest, device.response_timeout);
  return longest;
}

LineUse BusAdapter::line_use() {
  if (!schedule_) return {place_, {}};
  const auto units = schedule_->use();
  const bool first = use_.parts.empty();
  if (first) {
    use_.place = place_;
    use_from_ = now().steady;
    use_.parts.resize(units.size());
    busy_before_.resize(units.size());
    for (std::size_t i = 0; i < units.size(); ++i) busy_before_[i] = units[i].busy;
  }
  const std::chrono::duration<double> passed = now().steady - use_from_;
  const bool whole_window = passed >= kUseWindow;
  for (std::size_t i = 0; i < units.size(); ++i) {
    LineUse::Part& part = use_.parts[i];
    const DeviceSettings& device = settings_.devices[i];
    part.device = device.device;
    part.requests = units[i].requests;
    part.unanswered = units[i].unanswered;
    part.missed_cycles = units[i].missed_cycles;
    part.turnaround = units[i].turnaround;
    if (whole_window) {
      part.used = std::chrono::duration<double>(units[i].busy - busy_before_[i]) / passed;
      busy_before_[i] = units[i].busy;
    }
    if (first || whole_window) part.needed = need_of(device, units[i].turnaround);
  }
  if (whole_window) use_from_ = now().steady;
  return use_;
}

double BusAdapter::need_of(const DeviceSettings& device,
                           std::optional<std::chrono::nanoseconds> turnaround) const {
  BusTiming timing = timing_of(settings_.attachment);
  if (turnaround) timing.turnaround = *turnaround;
  return device_need(device, timing).share;
}

void BusAdapter::stop() noexcept {
  if (sink_ == nullptr) return;
  schedule_->stop(now().steady);
  sink_ = nullptr;
  wound_down_ = {};
  stream_.reset();
  loop_.cancel(timer_);
  timer_at_ = SteadyTime::max();
  run_effects();  // only the answers to writes get past a missing sink
}

void BusAdapter::on_open() {
  open_ = true;
  wire_->on_open(now().steady);
  schedule_->on_link_up(now().steady);
  pump();
}

void BusAdapter::on_closed(Error why) {
  lose_link(why);
  pump();
}

void BusAdapter::lose_link(const std::optional<Error>& why) {
  open_ = false;
  schedule_->on_link_down(why, reopen_delay_, now());
  reopen_at_ = now().steady + reopen_delay_;
  reopen_delay_ = std::min(reopen_delay_ * 2, kReopenMax);
}

void BusAdapter::on_bytes(std::span<const std::byte> bytes) {
  if (!open_) return;
  for (const WireEvent& event : wire_->on_bytes(bytes, now().steady)) {
    handle(event);
    if (!open_) break;
  }
  if (open_ && wire_->hears_answer()) schedule_->on_hearing();
  pump();
}

void BusAdapter::handle(const WireEvent& event) {
  if (const auto* answered = std::get_if<Answered>(&event)) {
    reopen_delay_ = kReopenFirst;
    schedule_->on_answer(*answered, now());
  } else if (const auto* spoiled = std::get_if<Spoiled>(&event)) {
    bad_input(spoiled->unit, spoiled->code, spoiled->sample);
    schedule_->on_spoiled(spoiled->ticket, spoiled->code, now());
  } else if (const auto* late = std::get_if<LateAnswer>(&event)) {
    schedule_->on_late(late->unit, late->by_gateway, now().steady);
  } else if (const auto* stray = std::get_if<Stray>(&event)) {
    bad_input(stray->unit, stray->code, stray->sample);
    schedule_->on_stray(stray->unit, stray->pdu, now().steady);
  } else if (const auto* useless = std::get_if<StreamUseless>(&event)) {
    bad_input(std::nullopt, ErrorCode::BadFrame, useless->sample);
    stream_->close();
    lose_link(Error{ErrorCode::BadFrame, ErrorKind::Corrupt, "what answers is not Modbus TCP"});
  }
}

void BusAdapter::bad_input(std::optional<std::uint8_t> unit, ErrorCode code,
                           const std::vector<std::byte>& sample) {
  BadInput input{std::nullopt, place_, code, sample};
  for (const DeviceSettings& device : settings_.devices) {
    if (unit == device.unit_id) input.device = device.device;
  }
  if (sink_ != nullptr) sink_->bad_input(std::move(input));
}

void BusAdapter::pump() {
  if (sink_ == nullptr) return;
  if (reopen_at_ && *reopen_at_ <= now().steady) {
    reopen_at_.reset();
    stream_->open(kOpenTimeout);
  }
  for (const GivenUp& given_up : schedule_->on_time(now())) {
    for (const WireEvent& event : wire_->abandon(given_up, now().steady)) handle(event);
  }
  if (open_ && wire_->is_never_quiet(now().steady)) {
    stream_->close();
    lose_link(Error{ErrorCode::BadFrame, ErrorKind::Transient,
                    "the line is never quiet: noise, a second master or a wrong baud rate"});
  }
  const bool only_values = schedule_->has_only_values();
  if (only_values) send_what_is_due();
  run_effects();
  if (sink_ == nullptr) return;
  if (!only_values) send_what_is_due();
  run_effects();
  if (sink_ == nullptr) return;
  set_timer();
  if (wound_down_ && schedule_->is_wound_down()) loop_.post(std::exchange(wound_down_, {}));
}

void BusAdapter::send_what_is_due() {
  std::vector<std::byte> bytes;  // of all that go out together
  while (open_ && wire_->ready_at() <= now().steady) {
    const auto send = schedule_->next(now().steady);
    if (!send) break;
    if (has_rtu_frames()) stream_->discard_input();  // nothing said before the question answers it
    const auto frame = wire_->begin(send->ticket, send->unit, send->request, now().steady);
    bytes.insert(bytes.end(), frame.begin(), frame.end());
  }
  if (!bytes.empty()) stream_->write(bytes);
}

void BusAdapter::run_effects() {
  for (auto effects = schedule_->take_effects(); !effects.empty();
       effects = schedule_->take_effects()) {
    for (Effect& effect : effects) run(std::move(effect));
  }
}

void BusAdapter::run(Effect effect) {
  if (auto* done = std::get_if<FinishWrite>(&effect)) {
    if (auto node = writes_.extract(done->id.value)) node.mapped()(std::move(done->result));
    return;
  }
  if (const auto* asked = std::get_if<FinishAsk>(&effect)) {
    return ask_finished(asked->id, asked->answer);
  }
  if (sink_ == nullptr) return;
  if (auto* deliver = std::get_if<Deliver>(&effect)) {
    sink_->deliver(std::move(deliver->batch), {});
  } else if (auto* state = std::get_if<ReportState>(&effect)) {
    sink_->field_state(state->device, std::move(state->state));
  } else if (open_) {
    stream_->close();
    lose_link(std::nullopt);
  }
}

// A timer that is set already and comes no later is left alone: deadlines move on with each answer,
// and one look too many in a second costs less than a timer for each.
void BusAdapter::set_timer() {
  SteadyTime at = schedule_->wake_at();
  const SteadyTime earliest = std::max(now().steady + kTimerStep, wire_->ready_at());
  if (open_ && at < earliest) at = earliest;
  if (reopen_at_) at = std::min(at, *reopen_at_);
  if (at >= timer_at_) return;
  loop_.cancel(timer_);
  timer_at_ = std::max(at, now().steady);
  timer_ = loop_.call_at(timer_at_, [this] {
    timer_at_ = SteadyTime::max();
    pump();
  });
}

Instant BusAdapter::now() const { return {loop_.clock().steady(), loop_.clock().wall()}; }

bool BusAdapter::is_everybody(std::uint8_t unit) const {
  return unit == kBroadcastUnit && has_rtu_frames();
}

bool BusAdapter::has_rtu_frames() const {
  return !std::holds_alternative<TcpEndpoint>(settings_.attachment);
}

}  // namespace hubward::modbus
