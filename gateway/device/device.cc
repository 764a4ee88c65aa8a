#include "gateway/device/device.h"

#include <utility>

#include "gateway/api/failure_words.h"
#include "gateway/device/commands.h"
#include "gateway/device/tag_json.h"

namespace hubward::device {
namespace {

using namespace std::chrono_literals;

// A method call holds memory until it is answered; a caller that does not wait gets "busy".
constexpr unsigned kCommandsMax = 16;
// As many as a hub keeps for a device (reference: IoT Hub quotas, cloud-to-device queue depth).
constexpr std::size_t kQueuedMax = 50;

Error too_many_commands() {
  return {ErrorCode::LimitExceeded, ErrorKind::Transient, "too many commands at once"};
}

constexpr std::size_t kCommandNameShown = 64;

// Bad input is said at once, and then so often: whoever sends it sends on and on.
constexpr auto kTellBadInputEvery = 10min;

// A poll of several requests becomes one message if they are all answered within this. The message
// has one time, so that more would date the last values wrongly.
constexpr auto kCollectMax = 1s;

bool is_waiting(CloudState state) {
  return state == CloudState::BackingOff || state == CloudState::WaitingForOperator;
}

}  // namespace

Device::Device(DeviceIndex index, DeviceDescription description, const CloudSettings& settings,
               DeviceParts parts)
    : index_(index),
      description_(std::move(description)),
      settings_(settings),
      parts_(parts),
      properties_(description_),
      property_filter_(description_),
      collected_(description_),
      cloud_(index, description_, settings, parts.cloud, properties_, *this),
      field_since_(parts.cloud.loop.clock().wall()),
      cloud_since_(field_since_),
      tags_(description_.tags.size()) {
  parts_.cloud.outbox.attach(index_, description_.id, parts_.cloud.loop);
}

Device::~Device() {
  parts_.cloud.loop.cancel(collecting_till_);
  parts_.cloud.loop.cancel(next_queued_);
  parts_.cloud.loop.cancel(port_opened_);
  if (status_pending_) parts_.status.forget(*this);
}

void Device::start() {
  publish_status_soon();
  cloud_.start();
}

void Device::stop(std::function<void()> done) {
  send_collected();
  cloud_.stop(std::move(done));
}

void Device::on_batch(const ReadingBatch& batch, Stored stored) {
  if (!batch.readings.empty()) useless_ = {};
  for (const auto& reading : batch.readings) {
    if (reading.tag.value >= tags_.size()) continue;
    tags_[reading.tag.value] = {reading, batch.at, batch.at_steady};
    const bool is_property =
        description_.tags[reading.tag.value].as == TagDescription::As::Property;
    if (is_property && property_filter_.passes(reading, batch.at_steady)) {
      properties_.on_reading(reading);
    }
  }
  publish_status_soon();
  collect(batch, std::move(stored));
  cloud_.on_properties_changed();
}

void Device::collect(const ReadingBatch& batch, Stored stored) {
  const Clock& clock = parts_.cloud.loop.clock();
  const RunStamp stamp{parts_.boot_id, batch.timed_by_device ||
                                           (clock.wall_is_trusted() &&
                                            is_stamped_by(batch, clock.wall(), clock.steady()))};
  collected_.add(batch, stamp);
  if (stored) collected_for_.push_back(std::move(stored));
  if (!batch.more || collected_.is_urgent()) return send_collected();
  if (collecting_till_ == TimerId{}) {
    collecting_till_ =
        parts_.cloud.loop.call_at(clock.steady() + kCollectMax, [this] { send_collected(); });
  }
}

void Device::send_collected() {
  parts_.cloud.loop.cancel(std::exchange(collecting_till_, {}));
  Stored all;
  if (!collected_for_.empty()) {
    all = [waiting = std::exchange(collected_for_, {})](const Status& outcome) {
      for (const Stored& stored : waiting) stored(outcome);
    };
  }
  append(collected_.take(), std::move(all));
}

void Device::append(std::vector<OutboxMessage> messages, Stored stored) {
  if (messages.empty()) {
    if (stored) stored({});
    return;
  }
  // One answer for the whole batch, after its last message; the first failure is the batch's.
  struct Batch {
    std::size_t left;
    Status outcome;
    Stored stored;
  };
  // Shared by the answers of this batch's messages.
  auto batch = std::make_shared<Batch>(Batch{messages.size(), {}, std::move(stored)});
  for (auto& message : messages) {
    parts_.cloud.outbox.append(index_, std::move(message),
                               [this, batch](const Result<StoredMessage>& row) {
                                 on_stored(row);
                                 if (!row) {
                                   collected_.on_refused();
                                   if (batch->outcome) batch->outcome = tl::unexpected(row.error());
                                 }
                                 if (--batch->left == 0 && batch->stored) {
                                   batch->stored(batch->outcome);
                                 }
                               });
  }
}

void Device::on_stored(const Result<StoredMessage>& row) {
  if (row) {
    if (std::exchange(store_failing_, false)) tell("store_recovered", "Readings are stored again.");
    cloud_.on_stored(*row);
  } else if (row.error().code != ErrorCode::Stopped && !std::exchange(store_failing_, true)) {
    parts_.cloud.log.write(LogLevel::Error, "store_failed",
                           {{"device", description_.id}, {"detail", row.error().context}});
    tell("store_failed", std::string(words_for(row.error().code).meaning));
  }
}

void Device::on_field_state(FieldState state) {
  const bool changed = !field_reported_ || state.link != field_.link || state.code != field_.code;
  field_reported_ = true;
  if (changed) {
    field_since_ = parts_.cloud.loop.clock().wall();
    tell_field(state);
  }
  field_ = std::move(state);
  publish_status_soon();
  const bool is_open = field_.link != FieldState::Link::Down;
  if (!is_open || std::exchange(port_was_open_, true) || wishes_waiting_.empty()) return;
  // Not from in here: the adapter is still telling the others.
  Loop& loop = parts_.cloud.loop;
  port_opened_ = loop.call_at(loop.clock().steady(), [this] { write_what_waited(); });
}

void Device::on_bad_input(const BadInput& input) {
  if (useless_.count++ == 0) useless_.since = parts_.cloud.loop.clock().wall();
  useless_.code = input.code;
  const std::size_t size = std::min(input.sample.size(), UselessInput::kSampleBytesMax);
  useless_.sample.assign(reinterpret_cast<const char*>(input.sample.data()), size);
  ++bad_inputs_untold_;
  const SteadyTime now = parts_.cloud.loop.clock().steady();
  if (!bad_inputs_told_ || now - *bad_inputs_told_ >= kTellBadInputEvery) {
    bad_inputs_told_ = now;
    tell_bad_input(input);
  }
  publish_status_soon();
}

void Device::tell_bad_input(const BadInput& input) {
  const FailureWords& words = words_for(input.code);
  const std::uint64_t count = std::exchange(bad_inputs_untold_, 0);
  parts_.cloud.log.write(LogLevel::Warn, "bad_input",
                         {{"device", description_.id},
                          {"reason", std::string(words.label)},
                          {"count", std::to_string(count)},
                          {"source", input.source},
                          {"sample", useless_.sample}});
  tell("bad_input",
       std::string(words.meaning) +
           (count > 1 ? " " + std::to_string(count) + " since this was last said." : ""));
}

void Device::tell_field(const FieldState& state) {
  LogLevel level = LogLevel::Info;
  const char* event = "device_answers";
  std::string text = "The device answers.";
  std::string reason;  // none, unless it is silent
  if (state.link == FieldState::Link::Down) {
    level = LogLevel::Warn;
    event = "device_silent";
    text = words_for(state.code).meaning;
    reason = words_for(state.code).label;
  } else if (state.link == FieldState::Link::Unknown) {
    event = "device_awaited";
    text = "Ready for the device; nothing has come from it yet.";
  }
  parts_.cloud.log.write(
      level, event, {{"device", description_.id}, {"reason", reason}, {"detail", state.detail}});
  tell(event, std::move(text));
}

// What is past lies as long ago as before.
void Device::on_clock(const ClockNews& news) {
  cloud_.on_clock(news);
  if (news.set_by == std::chrono::milliseconds{0}) return;
  cloud_since_ += news.set_by;
  field_since_ += news.set_by;
  useless_.since += news.set_by;
  for (TagStatus& tag : tags_) tag.at += news.set_by;
  publish_status_soon();
}

void Device::on_cloud_changed() {
  const CloudView& view = cloud_.view();
  if (view.state != shown_cloud_) {
    const bool was_waiting = is_waiting(shown_cloud_);
    // How long it has been without the cloud counts from the first failure, not from each attempt.
    const bool steps_of_one_attempt = shown_cloud_ != CloudState::Online &&
                                      view.state != CloudState::Online && view.failure &&
                                      shown_failure_ == view.failure;
    if (!steps_of_one_attempt) cloud_since_ = parts_.cloud.loop.clock().wall();
    shown_cloud_ = view.state;
    if (view.state == CloudState::Online) {
      tell("online", "Connected to " + view.assigned_hub + ".");
    } else if (is_waiting(view.state) && view.failure &&
               (!was_waiting && shown_failure_ != view.failure)) {
      tell(std::string(words_for(*view.failure).label),
           std::string(words_for(*view.failure).meaning));
    }
  }
  shown_failure_ = view.failure;
  publish_status_soon();
}

void Device::on_wish(Wish wish) {
  TagValue value = wish.value;
  const TagIndex tag = wish.tag;
  std::string origin = "desired property version " + std::to_string(wish.version);
  write(tag, std::move(value), std::move(origin),
        [this, wish = std::move(wish)](const WriteResult& result) {
          if (waits_for_port(wish, result)) {
            properties_.on_waiting(wish, result.detail);
            wishes_waiting_.insert_or_assign(wish.tag.value, wish);
          } else {
            properties_.on_written(wish, result);
          }
          cloud_.on_properties_changed();
        });
}

// After a power cut hubward may be up before the converter or the broker is. Later the cloud hears
// at once that nothing was written, and a wish that must not be old is never kept.
bool Device::waits_for_port(const Wish& wish, const WriteResult& result) const {
  return result.outcome == WriteResult::Outcome::Refused && !port_was_open_ &&
         !parts_.writes.paused &&
         (result.code == ErrorCode::PortUnavailable ||
          result.code == ErrorCode::BrokerUnavailable) &&
         !description_.tags[wish.tag.value].wish_age_max;
}

void Device::write_what_waited() {
  for (auto& [tag, wish] : std::exchange(wishes_waiting_, {})) {
    if (!properties_.try_again(wish)) continue;
    cloud_.on_properties_changed();  // remembers it as begun
    on_wish(std::move(wish));
  }
}

void Device::on_command(RunCommand command) {
  ++commands_;
  publish_status_soon();
  if (command.rid.empty()) {
    // The hub delivers what waited there in one burst, and has deleted it when it is here.
    if (queued_.size() >= kQueuedMax) return refuse(command, too_many_commands());
    queued_.push_back(std::move(command));
    return run_queued();
  }
  if (commands_running_ >= kCommandsMax) return refuse(command, too_many_commands());
  run(std::move(command));
}

// One after the other, so that they do not take the line's whole queue.
void Device::run_queued() {
  while (!queued_.empty() && !queued_running_) {
    RunCommand next = std::move(queued_.front());
    queued_.erase(queued_.begin());
    run(std::move(next));
  }
}

void Device::run(RunCommand command) {
  auto planned = plan_write(description_, command.component, command.command, command.payload);
  if (!planned) return refuse(command, planned.error());
  const bool queued = command.rid.empty();
  if (queued) {
    queued_running_ = true;
  } else {
    ++commands_running_;
  }
  const TagValue wanted = planned->value;
  write(planned->tag, std::move(planned->value), queued ? "queued command" : "command",
        [this, rid = std::move(command.rid), wanted](const WriteResult& result) {
          if (rid.empty()) return next_queued();
          --commands_running_;
          const CommandAnswer answer = answer_for(result, wanted);
          cloud_.answer(rid, answer.status, answer.body);
        });
}

// Not from in here: what ends at once would go one call deeper with every command.
void Device::next_queued() {
  queued_running_ = false;
  if (queued_.empty()) return;
  Loop& loop = parts_.cloud.loop;
  loop.cancel(next_queued_);
  next_queued_ = loop.call_at(loop.clock().steady(), [this] { run_queued(); });
}

void Device::refuse(const RunCommand& command, const Error& why) {
  ++command_failures_;
  tell_refused(command.command, command.rid.empty() ? "queued command" : "command", why);
  const CommandAnswer answer = answer_for(why);
  cloud_.answer(command.rid, answer.status, answer.body);
}

void Device::refused_by_hand(std::string_view tag, const Error& why) {
  ++commands_;
  ++command_failures_;
  tell_refused(tag, "command line", why);
  publish_status_soon();
}

void Device::tell_refused(std::string_view command, const std::string& origin, const Error& why) {
  const std::string reason =
      why.context.empty() ? std::string(words_for(why.code).name) : why.context;
  parts_.cloud.log.write(LogLevel::Warn, "command_refused",
                         {{"device", description_.id},
                          {"command", std::string(command)},
                          {"origin", origin},
                          {"reason", reason}});
  const std::string name(command.substr(0, kCommandNameShown));
  tell("command_refused", (name.empty() ? "A command" : name) + " by " + origin +
                              " was not carried out: " + reason + ".");
}

void Device::write_by_hand(TagIndex tag, TagValue value,
                           std::function<void(const WriteResult&)> done) {
  ++commands_;
  write(tag, std::move(value), "command line", std::move(done));
}

void Device::write(TagIndex tag, TagValue value, std::string origin,
                   std::function<void(const WriteResult&)> done) {
  auto finish = [this, tag, value, origin = std::move(origin),
                 done = std::move(done)](const WriteResult& result) {
    const bool failed = result.outcome != WriteResult::Outcome::Written &&
                        result.outcome != WriteResult::Outcome::Sent;
    if (failed) ++command_failures_;
    audit(description_.tags[tag.value], value, origin, result);
    done(result);
    publish_status_soon();
  };
  if (parts_.writes.paused || adapter_ == nullptr) {
    const ErrorCode why = parts_.writes.paused ? ErrorCode::WritesPaused : ErrorCode::Stopped;
    finish(WriteResult{WriteResult::Outcome::Refused, why, {}, std::nullopt});
    return;
  }
  const SteadyTime deadline = parts_.cloud.loop.clock().steady() + settings_.command_timeout;
  adapter_->write({index_, tag, std::move(value), deadline}, std::move(finish));
}

void Device::audit(const TagDescription& tag, const TagValue& value, const std::string& origin,
                   const WriteResult& result) {
  const bool written = result.outcome == WriteResult::Outcome::Written;
  const bool sent = result.outcome == WriteResult::Outcome::Sent;
  const std::string outcome = written ? "written"
                              : sent  ? "sent"
                                      : std::string(words_for(result.code).label);
  const std::string wanted = to_json(value);
  // Equipment may take a value only rounded: then that is what was written.
  const std::string held = written && result.read_back ? to_json(*result.read_back) : wanted;
  parts_.cloud.log.write(written || sent ? LogLevel::Info : LogLevel::Warn, "plant_write",
                         {{"device", description_.id},
                          {"tag", tag.name},
                          {"value", held},
                          {"wanted", wanted},
                          {"origin", origin},
                          {"outcome", outcome},
                          {"detail", result.detail}});
  std::string text = tag.name + " = " + held + " by " + origin;
  if (held != wanted) text += ", which wanted " + wanted;
  text += ": ";
  text += written ? "written and confirmed."
          : sent  ? "sent to all units of the line; nobody confirms it."
                  : std::string(words_for(result.code).name);
  if (!written && !sent) text += result.detail.empty() ? "." : " (" + result.detail + ").";
  tell("plant_write", std::move(text));
}

void Device::tell(std::string event, std::string text) {
  parts_.status.sink().event(
      {parts_.cloud.loop.clock().wall(), index_, std::move(event), std::move(text)});
}

void Device::publish_status_soon() {
  if (!std::exchange(status_pending_, true)) parts_.status.soon(*this);
}

DeviceStatus Device::take_status() {
  status_pending_ = false;
  return status();
}

DeviceStatus Device::status() const {
  const CloudView& view = cloud_.view();
  const Clock& clock = parts_.cloud.loop.clock();
  DeviceStatus status;
  status.device = index_;
  status.cloud = view.state;
  status.cloud_since = cloud_since_;
  status.cloud_failure = view.failure;
  status.cloud_trouble = view.trouble;
  status.cloud_detail = view.detail;
  if (view.next_attempt) {
    status.next_attempt = clock.wall() + std::chrono::duration_cast<std::chrono::milliseconds>(
                                             *view.next_attempt - clock.steady());
  }
  status.assigned_hub = view.assigned_hub;
  status.attempts = view.failures;
  status.field = field_;
  status.field_since = field_since_;
  status.tags = tags_;
  status.useless = useless_;
  status.outbox = parts_.cloud.outbox.counts(index_);
  status.last_delivered = view.last_delivered;
  status.token_expires = view.token_expires;
  status.last_login = view.last_login;
  status.last_provisioning = view.last_provisioning;
  status.hub_connects = view.hub_connects;
  status.dps_conversations = view.dps_conversations;
  status.commands = commands_;
  status.command_failures = command_failures_;
  return status;
}

}  // namespace hubward::device
