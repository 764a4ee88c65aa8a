#include "gateway/platform/paho_broker.h"

#include <map>
#include <utility>

#include "gateway/platform/paho_client.h"
#include "gateway/platform/resolver.h"
#include "gateway/platform/work_thread.h"

namespace hubward::platform {
namespace {

constexpr const char* kNoAnswer = "no answer in 8 s";
static_assert(PahoBrokerConnector::kAttemptMax == std::chrono::seconds{8});

Error unavailable(const BrokerSettings& settings, const std::string& why) {
  return {ErrorCode::BrokerUnavailable, ErrorKind::Transient,
          "broker " + settings.host + ":" + std::to_string(settings.port) + ": " + why};
}

class PahoLink final : public BrokerLink {
 public:
  PahoLink(BrokerSettings settings, BrokerEvents& events, Loop& loop, Resolver& resolver)
      : core_(std::make_shared<Core>(std::move(settings), events, loop, resolver)) {}
  ~PahoLink() override { PahoLink::stop(); }
  PahoLink(const PahoLink&) = delete;
  PahoLink& operator=(const PahoLink&) = delete;

  void start() override { core_->start(); }
  void publish(std::string topic, std::string payload, std::function<void(Status)> done) override {
    core_->publish(std::move(topic), std::move(payload), std::move(done));
  }
  void stop() noexcept override { core_->stop(); }

 private:
  // On the loop. Posted work holds it weakly: after the link is gone it does nothing.
  class Core : public std::enable_shared_from_this<Core> {
   public:
    Core(BrokerSettings settings, BrokerEvents& events, Loop& loop, Resolver& resolver)
        : settings_(std::move(settings)), events_(events), loop_(loop), resolver_(resolver) {}

    void start() {
      if (running_) return;
      running_ = true;
      attempt();
    }

    void stop() noexcept {
      running_ = false;
      loop_.cancel(std::exchange(retry_, {}));
      drop_client();
      waiting_.clear();  // no event follows, and no answer
    }

    void publish(std::string topic, std::string payload, std::function<void(Status)> done) {
      const bool full = waiting_.size() >= PahoBrokerConnector::kPublishesWaitingMax;
      if (!ready_ || full) {
        Error why = full ? Error{ErrorCode::LimitExceeded, ErrorKind::Transient,
                                 "too many publishes wait for the broker"}
                         : unavailable(settings_, "not connected");
        loop_.post([done = std::move(done), why = std::move(why)] { done(tl::unexpected(why)); });
        return;
      }
      const std::uint64_t id = ++last_publish_;
      waiting_.emplace(id, std::move(done));
      worker_.run([client = client_, id, topic = std::move(topic), payload = std::move(payload)] {
        client->publish(id, topic, payload);
      });
    }

   private:
    void attempt() {
      const std::uint64_t number = ++attempt_;
      resolver_.resolve(settings_.host, loop_,
                        [weak = weak_from_this(), number](const Resolver::Answer& answer) {
                          const auto self = weak.lock();
                          if (!self || self->attempt_ != number || !self->running_) return;
                          if (!answer) return self->ended(number, answer.error().context);
                          self->open(number, *answer);
                        });
    }

    void open(std::uint64_t number, std::vector<std::string> addresses) {
      client_ = std::make_shared<PahoClient>(settings_, std::move(addresses), reports(number));
      worker_.run([client = client_] { client->open(); });
      deadline_ = loop_.call_at(loop_.clock().steady() + PahoBrokerConnector::kAttemptMax,
                                [weak = weak_from_this(), number] {
                                  const auto self = weak.lock();
                                  if (self && self->running_ && !self->ready_)
                                    self->ended(number, kNoAnswer);
                                });
    }

    // Carries Paho's reports to the loop, where those of an earlier attempt are ignored.
    PahoReports reports(std::uint64_t number) {
      const auto post = [weak = weak_from_this(), number, &loop = loop_](auto work) {
        loop.post([weak, number, work = std::move(work)] {
          const auto self = weak.lock();
          if (self && self->running_ && self->attempt_ == number) work(*self);
        });
      };
      return {
          .on_ready = [post] { post([](Core& core) { core.on_ready(); }); },
          .on_message =
              [post](BrokerMessage message, BrokerAck ack) {
                post([message = std::move(message), ack = std::move(ack)](Core& core) {
                  core.on_ready();  // a kept session delivers before it confirms the filters
                  core.events_.on_message(message, ack);
                });
              },
          .on_published =
              [post](std::uint64_t id, bool taken) {
                post([id, taken](Core& core) { core.on_published(id, taken); });
              },
          .on_ended =
              [post, number](const std::string& why) {
                post([number, why](Core& core) { core.ended(number, why); });
              },
      };
    }

    void on_ready() {
      if (ready_) return;
      ready_ = true;
      loop_.cancel(deadline_);
      events_.on_connected();
    }

    void on_published(std::uint64_t id, bool taken) {
      auto node = waiting_.extract(id);
      if (node.empty()) return;
      if (taken) return node.mapped()(Status{});
      node.mapped()(tl::unexpected(unavailable(settings_, "the message was not taken")));
    }

    void ended(std::uint64_t number, const std::string& why) {
      if (attempt_ != number) return;
      const auto self = shared_from_this();  // an event may drop the link
      const Error error = unavailable(settings_, why);
      drop_client();
      retry_ = loop_.call_at(loop_.clock().steady() + PahoBrokerConnector::kReconnectAfter,
                             [weak = weak_from_this()] {
                               const auto core = weak.lock();
                               if (core && core->running_) core->attempt();
                             });
      for (auto& [id, done] : std::exchange(waiting_, {})) done(tl::unexpected(error));
      if (running_) events_.on_closed(error);
    }

    void drop_client() noexcept {
      ++attempt_;  // what it still reports is ignored
      ready_ = false;
      loop_.cancel(deadline_);
      if (!client_) return;
      client_->end();
      worker_.run([client = std::move(client_)] { client->destroy(); });
      client_.reset();
    }

    const BrokerSettings settings_;
    BrokerEvents& events_;
    Loop& loop_;
    Resolver& resolver_;
    bool running_ = false;
    bool ready_ = false;
    std::uint64_t attempt_ = 0;
    std::uint64_t last_publish_ = 0;
    TimerId retry_, deadline_;
    std::map<std::uint64_t, std::function<void(Status)>> waiting_;
    std::shared_ptr<PahoClient> client_;  // with the worker, which destroys it
    WorkThread worker_;                   // last: its work uses the rest
  };

  const std::shared_ptr<Core> core_;  // with work under way on the loop
};

}  // namespace

std::unique_ptr<BrokerLink> PahoBrokerConnector::connect(BrokerSettings settings,
                                                         BrokerEvents& events, Loop& loop) {
  return std::make_unique<PahoLink>(std::move(settings), events, loop, resolver_);
}

}  // namespace hubward::platform
