// The local broker as an adapter sees it, played by the test.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gateway/api/broker_link.h"

namespace hubward::test {

class ScriptedBroker final : public BrokerConnector {
 public:
  // What became of one message: nothing while the adapter still holds it.
  struct Fate {
    std::optional<bool> taken;
    int answers = 0;  // must end as 1
  };

  std::unique_ptr<BrokerLink> connect(BrokerSettings wanted, BrokerEvents& to, Loop&) override {
    settings = std::move(wanted);
    events = &to;
    return std::make_unique<Link>(*this);
  }

  std::shared_ptr<Fate> send(std::string topic, std::string payload, bool retained = false,
                             std::string correlation = {}) {
    auto fate = std::make_shared<Fate>();  // shared by the test and the acknowledgement
    events->on_message({std::move(topic), std::move(payload), retained, std::move(correlation)},
                       [fate](bool taken) {
                         fate->taken = taken;
                         ++fate->answers;
                       });
    return fate;
  }
  void fail(ErrorCode code = ErrorCode::BrokerUnavailable, std::string context = {}) {
    events->on_closed({code, ErrorKind::Transient, std::move(context)});
  }

  BrokerSettings settings;
  BrokerEvents* events = nullptr;
  bool started = false;
  bool holds = false;  // it takes no more publishes for now: they wait
  std::vector<BrokerPublish> published;

 private:
  class Link final : public BrokerLink {
   public:
    explicit Link(ScriptedBroker& broker) : broker_(broker) {}
    void start() override { broker_.started = true; }
    void publish(BrokerPublish message, BrokerPublished done) override {
      if (broker_.holds) return held_.push_back(std::move(done));
      broker_.published.push_back(std::move(message));
      done(BrokerTook{});
    }
    void withdraw_waiting(Error why) override {
      for (const BrokerPublished& done : std::exchange(held_, {})) done(tl::unexpected(why));
    }
    void stop() noexcept override { broker_.started = false; }

   private:
    ScriptedBroker& broker_;
    std::vector<BrokerPublished> held_;
  };
};

}  // namespace hubward::test
