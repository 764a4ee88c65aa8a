#include "gateway/platform/mosquitto_link.h"

#include <mosquitto.h>

#include <mutex>
#include <utility>

#include "gateway/platform/asio_loop.h"
#include "gateway/platform/mosquitto_connection.h"

namespace hubward::platform {
namespace {

class MosquittoLink final : public MqttLink {
 public:
  MosquittoLink(std::shared_ptr<MosquittoLinkOpener::Shared> shared, MqttLinkEvents& events)
      : shared_(std::move(shared)), events_(events) {}
  ~MosquittoLink() override {
    if (connection_) connection_->drop();
  }
  MosquittoLink(const MosquittoLink&) = delete;
  MosquittoLink& operator=(const MosquittoLink&) = delete;

  void connect(const MqttConnect& options) override {
    if (connection_) connection_->drop();
    connection_ = std::make_shared<Connection>(shared_, events_, options);
    connection_->start();
  }
  void subscribe(const std::vector<Subscription>& subscriptions) override {
    if (connection_) connection_->subscribe(subscriptions);
  }
  void unsubscribe(const std::string& filter) override {
    if (connection_) connection_->unsubscribe(filter);
  }
  bool publish(std::string_view topic, std::string_view payload, Qos qos,
               PublishToken token) override {
    return connection_ && connection_->publish(topic, payload, qos, token);
  }
  void disconnect() noexcept override {
    if (connection_) connection_->say_goodbye();
    connection_.reset();
  }

 private:
  const std::shared_ptr<MosquittoLinkOpener::Shared> shared_;
  MqttLinkEvents& events_;
  std::shared_ptr<Connection> connection_;  // with the frames that run it; see there
};

}  // namespace

Result<std::unique_ptr<MosquittoLinkOpener>> MosquittoLinkOpener::create(
    const std::string& roots_file, Resolver& resolver, Loop& loop) {
  static std::once_flag started;
  std::call_once(started, [] { mosquitto_lib_init(); });
  auto roots = TlsRoots::load(roots_file);
  if (!roots) return tl::unexpected(roots.error());
  return std::unique_ptr<MosquittoLinkOpener>(new MosquittoLinkOpener(
      std::make_shared<Shared>(std::move(*roots), resolver, as_asio(loop))));
}

MosquittoLinkOpener::MosquittoLinkOpener(std::shared_ptr<Shared> shared)
    : shared_(std::move(shared)) {}

MosquittoLinkOpener::~MosquittoLinkOpener() = default;

std::unique_ptr<MqttLink> MosquittoLinkOpener::open(MqttLinkEvents& events, Loop&) {
  return std::make_unique<MosquittoLink>(shared_, events);
}

}  // namespace hubward::platform
