#include "adapters/serial/serial_adapter.h"

#include <algorithm>
#include <utility>

#include "adapters/serial/line_need.h"

namespace hubward::serial {
namespace {

using Outcome = WriteResult::Outcome;

std::string in_words(const std::variant<TcpEndpoint, SerialSettings>& attachment) {
  if (const auto* tcp = std::get_if<TcpEndpoint>(&attachment)) {
    return tcp->host + ":" + std::to_string(tcp->port);
  }
  return std::get<SerialSettings>(attachment).path;
}

WriteResult no(ErrorCode code, std::string why) {
  return {.outcome = Outcome::Refused, .code = code, .detail = std::move(why), .read_back = {}};
}

// The answer to a request may be told from that to another one.
bool tells_requests_apart(const DeviceSettings& settings) {
  return std::any_of(settings.tags.begin(), settings.tags.end(),
                     [](const TagSettings& tag) { return tag.request.has_value(); });
}

}  // namespace

SerialAdapter::SerialAdapter(LineSettings settings, StreamOpener& opener, Loop& loop)
    : settings_(std::move(settings)),
      source_(in_words(settings_.attachment)),
      opener_(opener),
      loop_(loop),
      byte_time_(byte_time(settings_).value_or(std::chrono::nanoseconds{0})) {}

SerialAdapter::~SerialAdapter() { stop(); }

Status SerialAdapter::start(ReadingSink& sink) {
  for (const DeviceSettings& settings : settings_.devices) {
    if (settings_.devices.size() > 1 && settings.requests.empty()) {
      return failure(ErrorCode::ConfigInvalid, ErrorKind::Permanent,
                     "a device that speaks by itself needs a line of its own");
    }
    auto device = LineDevice::make(settings);
    if (!device) return tl::unexpected(device.error());
    devices_.push_back(std::move(*device));
    std::vector<std::chrono::milliseconds> intervals;
    std::vector<LineAccount::Request> requests;
    for (std::size_t i = 0; i < settings.requests.size(); ++i) {
      intervals.push_back(settings.requests[i].interval);
      requests.push_back({intervals.back(), least_exchange(settings, i, byte_time_)});
    }
    schedule_.add_device(intervals, loop_.clock().steady());
    account_.add_device(settings.device, requests);
  }
  sink_ = &sink;
  if (const auto* tcp = std::get_if<TcpEndpoint>(&settings_.attachment)) {
    stream_ = opener_.tcp(*tcp, *this, loop_);
  } else {
    stream_ = opener_.serial(std::get<SerialSettings>(settings_.attachment), *this, loop_);
  }
  open();
  return {};
}

LineUse SerialAdapter::line_use() {
  return account_.look(source_, schedule_, loop_.clock().steady());
}

void SerialAdapter::open() {
  reopen_ = {};
  stream_->open(kOpenTimeout);
}

void SerialAdapter::stop() noexcept {
  sink_ = nullptr;
  is_open_ = false;
  loop_.cancel(std::exchange(reopen_, {}));
  loop_.cancel(std::exchange(silence_, {}));
  loop_.cancel(std::exchange(next_, {}));
  if (stream_) stream_->close();
  fail_writes(ErrorCode::Stopped, "hubward stops");
}

void SerialAdapter::on_open() {
  opened_at_ = loop_.clock().steady();
  schedule_.begin(opened_at_);
  account_.end(opened_at_);
  last_bytes_.reset();
  is_open_ = true;
  quiet_until_ = quiet_for_command_until_ = {};
  late_.forget();
  for (const auto& device : devices_) {
    report_state(*device, FieldState::Link::Unknown, {},
                 source_ + " is open; nothing has come yet");
  }
  go_on();
}

void SerialAdapter::on_closed(Error why) {
  is_open_ = false;
  loop_.cancel(std::exchange(silence_, {}));
  loop_.cancel(std::exchange(next_, {}));
  const std::string context = why.context.empty() ? "" : ": " + why.context;
  const std::string detail =
      source_ + context + "; tried again every " + std::to_string(kReopenDelay.count()) + " s";
  for (const auto& device : devices_) {
    const std::string cut = device->framer().abandon();
    if (!cut.empty()) report_bad(device->settings().device, ErrorCode::BadPayload, cut);
    report_state(*device, FieldState::Link::Down, why.code, detail);
  }
  fail_writes(why.code, source_ + " is not open");
  if (sink_ == nullptr) return;
  reopen_ = loop_.call_at(loop_.clock().steady() + kReopenDelay, [this] { open(); });
}

// --- What is sent

void SerialAdapter::wind_down(std::function<void()> done) {
  winding_down_ = true;
  for (Waiting& waiting : std::exchange(writes_, {})) {
    waiting.done(no(ErrorCode::Stopped, "hubward is stopping; not written"));
  }
  loop_.post(std::move(done));
}

void SerialAdapter::write(WriteRequest request, WriteDone done) {
  if (winding_down_) return done(no(ErrorCode::Stopped, "hubward is stopping; not written"));
  if (!is_open_) return done(no(ErrorCode::PortUnavailable, source_ + " is not open"));
  if (writes_.size() >= kWritesWaitingMax) {
    return done(no(ErrorCode::LimitExceeded, "too many commands wait for this line"));
  }
  writes_.push_back({std::move(request), std::move(done)});
  go_on();
}

void SerialAdapter::withdraw_writes() {
  for (Waiting& waiting : std::exchange(writes_, {})) {
    waiting.done(no(ErrorCode::WritesPaused, "maintenance began; not written"));
  }
}

void SerialAdapter::go_on() {
  // Bytes that are being read were not asked for by what would be sent now.
  if (!is_open_ || exchange_ || is_reading_) return;
  loop_.cancel(std::exchange(next_, {}));
  const SteadyTime now = loop_.clock().steady();
  std::optional<SteadyTime> next;
  SteadyTime quiet_until = quiet_until_;
  // A late answer might confirm a command. Nor is anybody asked while one waits, lest he be late as
  // well and the command never have its turn.
  if (!writes_.empty()) quiet_until = std::max(quiet_until, late_.all_over(now).value_or(now));
  if (now < quiet_until) {
    if (!writes_.empty() || schedule_.next_due()) next = quiet_until;
  } else {
    while (!writes_.empty()) {
      if (start_write(now)) return;
      if (!is_open_ || exchange_) return;
    }
    if (const auto place = schedule_.due(now)) return ask(*place, now);
    next = schedule_.next_due();
  }
  if (next) next_ = loop_.call_at(*next, [this] { go_on(); });
}

// False: there was nothing to put on the wire, and the command is answered.
bool SerialAdapter::start_write(SteadyTime now) {
  Waiting waiting = std::move(writes_.front());
  writes_.pop_front();
  std::size_t place = 0;
  while (place < devices_.size() && devices_[place]->settings().device != waiting.request.device) {
    ++place;
  }
  if (now >= waiting.request.deadline) {
    waiting.done({.outcome = Outcome::Expired,
                  .code = ErrorCode::CommandExpired,
                  .detail = "the line was busy",
                  .read_back = {}});
    return false;
  }
  auto command = place < devices_.size()
                     ? devices_[place]->command(waiting.request.tag, waiting.request.value)
                     : failure(ErrorCode::NotWritable, ErrorKind::Permanent);
  if (!command) {
    waiting.done(no(command.error().code, command.error().context));
    return false;
  }
  const std::string bytes = command->bytes;
  exchange_ = Exchange{place, 0, now, bytes.size(), std::move(*command), std::move(waiting.done)};
  account_.begin(place, now);
  send(bytes, exchange_->command->timeout, now);
  if (exchange_->command->confirmed != nullptr || exchange_->command->refused != nullptr) {
    return true;
  }
  finish_write({.outcome = Outcome::Unknown,
                .code = ErrorCode::WriteOutcomeUnknown,
                .detail = "sent; the device's file names no answer that would confirm it",
                .read_back = {}});
  return false;
}

void SerialAdapter::ask(PollSchedule::Place place, SteadyTime now, AnswerRow row) {
  LineDevice& device = *devices_[place.device];
  // What is still under way answers nothing that is asked now.
  stream_->discard_input();
  device.framer().abandon();
  const std::string& bytes = device.request(place.request);
  exchange_ = Exchange{place.device, place.request, now, bytes.size()};
  exchange_->row = std::move(row);
  account_.asked(place.device, now);
  send(bytes, wait_for(place.device, now), now);
}

// Only where a late answer cannot be mistaken is it safe to wait less than the device may take.
std::chrono::nanoseconds SerialAdapter::wait_for(std::size_t place, SteadyTime now) {
  const DeviceSettings& settings = devices_[place]->settings();
  const bool may_look_shortly = schedule_.misses(place) > 0 && devices_.size() > 1 &&
                                settings.answers_name_it && slowest_answer_.count() > 0;
  if (!may_look_shortly) return settings.response_timeout;
  if (now - waited_in_full_ >= kFullWaitEvery) {
    waited_in_full_ = now;
    return settings.response_timeout;
  }
  return std::clamp<std::chrono::nanoseconds>(4 * slowest_answer_,
                                              std::min(kLookMin, settings.response_timeout),
                                              settings.response_timeout);
}

void SerialAdapter::send(const std::string& bytes, std::chrono::nanoseconds wait, SteadyTime now) {
  stream_->write(std::as_bytes(std::span(bytes)));
  next_ = loop_.call_at(now + wait, [this] { give_up_waiting(); });
}

void SerialAdapter::give_up_waiting() {
  next_ = {};
  if (!exchange_) return;
  const SteadyTime now = loop_.clock().steady();
  if (exchange_->command) return give_up_command(now);
  if (exchange_->held) {
    // A second one may be half here: then nothing is believed yet. Once: it may be noise, or a
    // character behind the delimiter.
    const bool more_comes = devices_[exchange_->device]->framer().bytes_waiting() > 0;
    if (more_comes && !std::exchange(exchange_->held->waited_for_rest, true)) {
      next_ = loop_.call_at(now + Framer::kUnmarkedSilence, [this] { give_up_waiting(); });
      return;
    }
    return take_held();
  }
  const std::size_t place = exchange_->device;
  LineDevice& device = *devices_[place];
  const DeviceSettings& settings = device.settings();
  // A late answer must not pass for another device's. The others are kept waiting meanwhile, so not
  // for longer than this.
  if (answers_look_alike(place)) {
    quiet_until_ = std::max(quiet_until_, now + settings.response_timeout);
    late_.expect(place, device.reported && device.reported->link == FieldState::Link::Up, now);
  }
  // Nor for this one's answer to another request, or to the next: that one's own would then be late
  // unnoticed. It alone is left alone for that.
  const bool looks_alike =
      answers_look_alike(place) || (settings.requests.size() > 1 && tells_requests_apart(settings));
  schedule_.missed({place, exchange_->request}, now,
                   looks_alike ? kLateAnswerMax : std::chrono::milliseconds{0});
  // What came before was another's then.
  if (const auto before = exchange_->row.content()) {
    report_bad(settings.device, ErrorCode::UnexpectedAnswer, *before);
  }
  end_exchange();
  account_.unanswered(place);
  account_.begin(place, now, quiet_until_);
  const std::string cut = device.framer().abandon();
  if (!cut.empty()) report_bad(settings.device, ErrorCode::BadPayload, cut);
  if (schedule_.misses(place) >= kMissesUntilDown) {
    report_state(device, FieldState::Link::Down, ErrorCode::NoAnswer,
                 source_ + ": " + std::to_string(kMissesUntilDown) +
                     " requests without an answer; asked less often until it answers");
  }
  go_on();
}

// Its late answer must not confirm another command: that one would count as written.
void SerialAdapter::give_up_command(SteadyTime now) {
  quiet_until_ = quiet_for_command_until_ = now + kLateAnswerMax;
  const std::size_t place = exchange_->device;
  finish_write(
      {.outcome = Outcome::Unknown,
       .code = ErrorCode::WriteOutcomeUnknown,
       .detail = "no answer within " + std::to_string(exchange_->command->timeout.count()) + " ms",
       .read_back = {}});
  account_.begin(place, now, quiet_until_);
  go_on();
}

void SerialAdapter::end_exchange() {
  exchange_.reset();
  account_.end(loop_.clock().steady());
  loop_.cancel(std::exchange(next_, {}));
}

void SerialAdapter::finish_write(WriteResult result) {
  WriteDone done = std::move(exchange_->done);
  end_exchange();
  done(std::move(result));
}

void SerialAdapter::fail_writes(ErrorCode code, const std::string& why) {
  if (exchange_ && exchange_->command) {
    finish_write({.outcome = Outcome::Unknown,
                  .code = ErrorCode::WriteOutcomeUnknown,
                  .detail = why,
                  .read_back = {}});
  }
  end_exchange();
  for (Waiting& waiting : std::exchange(writes_, {})) waiting.done(no(code, why));
}

// --- What is told

void SerialAdapter::report_bad(std::optional<DeviceIndex> device, ErrorCode code,
                               std::string_view text) {
  if (sink_ == nullptr) return;
  const auto bytes = std::as_bytes(std::span(text));
  const auto kept = bytes.first(std::min(bytes.size(), BadInput::kSampleBytesMax));
  sink_->bad_input(
      {.device = device, .source = source_, .code = code, .sample = {kept.begin(), kept.end()}});
}

void SerialAdapter::report_state(LineDevice& device, FieldState::Link link, ErrorCode code,
                                 std::string detail) {
  if (sink_ == nullptr) return;
  auto& reported = device.reported;
  if (reported && reported->link == link && reported->code == code) return;
  reported = FieldState{.link = link, .code = code, .detail = std::move(detail)};
  sink_->field_state(device.settings().device, *reported);
}

}  // namespace hubward::serial
