#include "adapters/mqtt/broker_client.h"

#include <deque>
#include <map>
#include <utility>
#include <vector>

#include "proto/mqtt/client_session.h"

namespace hubward::mqtt {
namespace {

// A half-open connection is noticed after two of these by us and one and a half by the broker;
// until then no sensor is heard. The broker is near, so that asking often costs nothing.
constexpr std::chrono::seconds kKeepAlive{15};

ClientSettings client_settings(const BrokerSettings& settings) {
  ClientSettings made;
  made.version = settings.version;
  made.client_id = settings.client_id;
  if (!settings.user_name.empty()) made.user_name = settings.user_name;
  if (!settings.password.empty()) made.password = std::string(settings.password.reveal());
  made.filters = settings.filters;
  made.keep_alive = kKeepAlive;
  made.attempt_max = BrokerClients::kAttemptMax;
  made.decision_max = BrokerLink::kAckWaitMax;
  made.message_bytes_max = BrokerLink::kMessageBytesMax;
  return made;
}

// On the loop. Posted work and acknowledgements hold it weakly: after the link is gone they do
// nothing.
class Core final : public ByteStreamEvents, public std::enable_shared_from_this<Core> {
 public:
  Core(BrokerSettings settings, BrokerEvents& events, Loop& loop, StreamOpener& streams)
      : settings_(std::move(settings)),
        events_(events),
        loop_(loop),
        session_(client_settings(settings_)) {
    const TcpEndpoint broker{settings_.host, settings_.port};
    stream_ = settings_.ca_file.empty() ? streams.tcp(broker, *this, loop)
                                        : streams.tls(broker, {settings_.ca_file}, *this, loop);
  }

  void start() {
    if (running_) return;
    running_ = true;
    stopped_ = false;
    stream_->open(BrokerClients::kAttemptMax);
  }

  void stop() noexcept {
    running_ = false;
    stopped_ = true;
    loop_.cancel(std::exchange(retry_, {}));
    loop_.cancel(std::exchange(timer_, {}));
    // What was stored is acknowledged, lest the broker deliver it to the next run once more.
    if (!unsent_.empty()) stream_->write(std::exchange(unsent_, {}));
    stream_->close();
    actions_.clear();
    publishing_.clear();  // no event follows, and no answer
  }

  void publish(BrokerPublish message, BrokerPublished done) {
    const auto refuse = [&](ErrorCode code, const std::string& why) {
      loop_.post([weak = weak_from_this(), done = std::move(done),
                  error = Error{code, ErrorKind::Permanent, place() + ": " + why}] {
        const auto self = weak.lock();
        if (self && !self->stopped_) done(tl::unexpected(error));
      });
    };
    if (!session_.is_ready()) return refuse(ErrorCode::BrokerUnavailable, "not connected");
    if (publishing_.size() >= BrokerClients::kPublishesWaitingMax) {
      return refuse(ErrorCode::LimitExceeded, "too many publishes wait for the broker");
    }
    if (message.topic.size() + message.payload.size() > BrokerClients::kPublishBytesMax) {
      return refuse(ErrorCode::LimitExceeded, "too long a publish");
    }
    ClientPublish made{.topic = std::move(message.topic), .payload = std::move(message.payload)};
    made.response_topic = std::move(message.response_topic);
    made.correlation = std::move(message.correlation);
    made.expires_after = message.expires_after;
    ClientActions actions;
    const auto number = session_.publish(std::move(made), now(), actions);
    if (!number) return refuse(number.error().code, number.error().context);
    publishing_.emplace(*number, std::move(done));
    carry_out(std::move(actions));
  }

  void withdraw_waiting(const Error& why) {
    ClientActions actions;
    session_.withdraw_waiting(why, actions);
    carry_out(std::move(actions));
  }

  void on_open() override {
    open_ = true;
    ClientActions actions;
    session_.on_open(now(), actions);
    carry_out(std::move(actions));
  }

  void on_bytes(std::span<const std::byte> bytes) override {
    ClientActions actions;
    session_.on_bytes(bytes, now(), actions);
    carry_out(std::move(actions));
  }

  void on_closed(Error why) override {
    open_ = false;
    ClientActions actions;
    session_.on_closed(actions);
    actions.emplace_back(SessionEnded{why.code == ErrorCode::PortLost
                                          ? "the connection was lost: " + why.context
                                          : std::move(why.context)});
    carry_out(std::move(actions));
  }

 private:
  // An event may cause the next action while the actions before it are still to be done.
  void carry_out(ClientActions actions) {
    for (ClientAction& action : actions) actions_.push_back(std::move(action));
    if (busy_) return;
    busy_ = true;
    const auto self = shared_from_this();  // an event may drop the link
    while (running_ && !actions_.empty()) {
      const ClientAction action = std::move(actions_.front());
      actions_.pop_front();
      std::visit([this](const auto& one) { perform(one); }, action);
    }
    busy_ = false;
    plan_timer();
  }

  void perform(const SessionReady& ready) { events_.on_connected(ready.remark); }

  void perform(const MessageArrived& message) {
    BrokerMessage copy{message.topic, message.payload, message.retained, message.correlation};
    if (message.number == 0) return events_.on_message(std::move(copy), [](bool) {});
    events_.on_message(std::move(copy), [weak = weak_from_this(), number = message.number](bool t) {
      if (const auto self = weak.lock()) self->decide(number, t);
    });
  }

  void perform(const MessageDropped& message) {
    events_.on_message_dropped(message.topic, message.code, message.why);
  }

  void perform(const PublishEnded& publish) {
    auto node = publishing_.extract(publish.number);
    if (node.empty()) return;
    if (publish.taken) return node.mapped()(BrokerTook{publish.nobody_listens});
    const bool is_certain = !publish.refusal.empty();
    node.mapped()(
        failure(is_certain ? publish.code : ErrorCode::BrokerUnavailable,
                is_certain ? ErrorKind::Permanent : ErrorKind::Transient,
                place() + ": " + (is_certain ? publish.refusal : "the message was not taken")));
  }

  // Acknowledgements come one by one after a commit, and go out together.
  void perform(const WriteBytes& write) {
    unsent_.insert(unsent_.end(), write.bytes.begin(), write.bytes.end());
    if (std::exchange(flush_posted_, true)) return;
    loop_.post([weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->flush();
    });
  }

  void flush() {
    flush_posted_ = false;
    if (running_) stream_->write(std::exchange(unsent_, {}));
  }

  void perform(const SessionEnded& ended) {
    // With the acknowledgements of what was stored before, and with the reason, if the broker is
    // told one.
    if (std::exchange(open_, false) && !unsent_.empty()) stream_->write(unsent_);
    stream_->close();
    unsent_.clear();
    retry_ = loop_.call_at(now() + BrokerClients::kReconnectAfter, [weak = weak_from_this()] {
      const auto self = weak.lock();
      if (self && self->running_) self->stream_->open(BrokerClients::kAttemptMax);
    });
    std::string why = ended.why;
    if (ended.code == ErrorCode::BrokerDenied && !settings_.user_name.empty()) {
      why += " (user " + settings_.user_name + ")";
    }
    events_.on_closed({ended.code, ErrorKind::Transient, std::move(why)});
  }

  void decide(std::uint64_t number, bool taken) {
    ClientActions actions;
    session_.decide(number, taken, now(), actions);
    if (!taken) hold_back(actions);
    carry_out(std::move(actions));
  }

  // What has not been handed up yet must not overtake the one that was refused. It comes again.
  void hold_back(ClientActions& actions) {
    for (const ClientAction& waiting : std::exchange(actions_, {})) {
      if (const auto* const message = std::get_if<MessageArrived>(&waiting)) {
        session_.decide(message->number, false, now(), actions);
      } else {
        actions_.push_back(waiting);
      }
    }
  }

  void plan_timer() {
    const auto deadline = running_ ? session_.deadline() : std::nullopt;
    if (deadline == planned_) return;
    loop_.cancel(std::exchange(timer_, {}));
    planned_ = deadline;
    if (!deadline) return;
    timer_ = loop_.call_at(*deadline, [weak = weak_from_this()] {
      const auto self = weak.lock();
      if (!self || !self->running_) return;
      self->planned_.reset();
      ClientActions actions;
      self->session_.on_timer(self->now(), actions);
      self->carry_out(std::move(actions));
    });
  }

  [[nodiscard]] SteadyTime now() const { return loop_.clock().steady(); }
  [[nodiscard]] std::string place() const {
    return "broker " + settings_.host + ":" + std::to_string(settings_.port);
  }

  const BrokerSettings settings_;
  BrokerEvents& events_;
  Loop& loop_;
  ClientSession session_;
  std::unique_ptr<ByteStream> stream_;
  bool running_ = false;
  bool stopped_ = false;
  bool open_ = false;  // the stream
  bool busy_ = false;
  bool flush_posted_ = false;
  std::deque<ClientAction> actions_;  // to be carried out
  std::vector<std::byte> unsent_;
  std::map<std::uint64_t, BrokerPublished> publishing_;
  std::optional<SteadyTime> planned_;
  TimerId retry_, timer_;
};

class Link final : public BrokerLink {
 public:
  explicit Link(std::shared_ptr<Core> core) : core_(std::move(core)) {}
  ~Link() override { core_->stop(); }
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;
  void start() override { core_->start(); }
  void publish(BrokerPublish message, BrokerPublished done) override {
    core_->publish(std::move(message), std::move(done));
  }
  void withdraw_waiting(Error why) override { core_->withdraw_waiting(why); }
  void stop() noexcept override { core_->stop(); }

 private:
  const std::shared_ptr<Core> core_;  // with its own events, while they run
};

}  // namespace

std::unique_ptr<BrokerLink> BrokerClients::connect(BrokerSettings settings, BrokerEvents& events,
                                                   Loop& loop) {
  return std::make_unique<Link>(
      std::make_shared<Core>(std::move(settings), events, loop, streams_));
}

}  // namespace hubward::mqtt
