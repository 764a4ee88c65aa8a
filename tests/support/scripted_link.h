// A northbound link that does nothing by itself but answer UNSUBSCRIBE: it records what it is told,
// and the test plays the service.
#pragma once

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "gateway/api/mqtt_link.h"

namespace hubward::test {

struct SentPublish {
  std::string topic, payload;
  Qos qos;
  PublishToken token;
};

class ScriptedLink final : public MqttLink {
 public:
  ScriptedLink(MqttLinkEvents& link_events, Loop& loop, std::vector<ScriptedLink*>& registry)
      : events(link_events), loop_(loop), registry_(registry) {
    registry_.push_back(this);
  }
  ~ScriptedLink() override { std::erase(registry_, this); }

  void connect(const MqttConnect& options) override {
    connects.push_back(options);
    open = true;
  }
  void subscribe(const std::vector<Subscription>& wanted) override { subscriptions = wanted; }
  void unsubscribe(const std::string& filter) override {
    unsubscribed.push_back(filter);
    if (!answers_unsubscribe) return;
    loop_.post([this, alive = std::weak_ptr<int>(alive_)] {
      if (!alive.expired() && open) events.on_unsubscribed();
    });
  }
  bool publish(std::string_view topic, std::string_view payload, Qos qos,
               PublishToken token) override {
    if (!open || full) return false;
    published.push_back({std::string(topic), std::string(payload), qos, token});
    return true;
  }
  void disconnect() noexcept override {
    ++disconnects;
    open = false;
  }

  // What was published since the last call, only with this prefix.
  std::vector<SentPublish> take(std::string_view prefix) {
    std::vector<SentPublish> taken;
    for (auto& sent : published) {
      if (sent.topic.starts_with(prefix)) taken.push_back(sent);
    }
    std::erase_if(published, [&](const auto& sent) { return sent.topic.starts_with(prefix); });
    return taken;
  }

  MqttLinkEvents& events;
  std::vector<MqttConnect> connects;
  std::vector<Subscription> subscriptions;
  std::vector<std::string> unsubscribed;
  std::vector<SentPublish> published;
  int disconnects = 0;
  bool open = false;
  bool full = false;  // takes nothing now
  bool answers_unsubscribe = true;

 private:
  const std::shared_ptr<int> alive_ = std::make_shared<int>();  // gone with the link
  Loop& loop_;
  std::vector<ScriptedLink*>& registry_;
};

class ScriptedLinks final : public MqttLinkOpener {
 public:
  std::unique_ptr<MqttLink> open(MqttLinkEvents& events, Loop& loop) override {
    return std::make_unique<ScriptedLink>(events, loop, links);
  }
  // The link that was last told to connect to this host, if it is still open.
  ScriptedLink* to(std::string_view host) {
    for (auto link = links.rbegin(); link != links.rend(); ++link) {
      if ((*link)->open && (*link)->connects.back().host == host) return *link;
    }
    return nullptr;
  }

  std::vector<ScriptedLink*> links;
};

}  // namespace hubward::test
