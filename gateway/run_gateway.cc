#include "gateway/run_gateway.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <utility>
#include <vector>

#include "adapters/modbus/bus_adapter.h"
#include "adapters/mqtt/broker_client.h"
#include "adapters/mqtt/mqtt_adapter.h"
#include "adapters/serial/serial_adapter.h"
#include "gateway/clock_rounds.h"
#include "gateway/control/control_commands.h"
#include "gateway/control/why_view.h"
#include "gateway/device/endpoint_journal.h"
#include "gateway/device/roster.h"
#include "gateway/identity_signer.h"
#include "gateway/observe/status_board.h"
#include "gateway/onboarding.h"
#include "gateway/outbox/outbox_writer.h"
#include "gateway/part_settings.h"
#include "gateway/platform/asio_loop.h"
#include "gateway/platform/asio_streams.h"
#include "gateway/platform/console_log.h"
#include "gateway/platform/control_socket.h"
#include "gateway/platform/file_answer_store.h"
#include "gateway/platform/file_assignment_store.h"
#include "gateway/platform/file_backoff_store.h"
#include "gateway/platform/marker_file.h"
#include "gateway/platform/mosquitto_link.h"
#include "gateway/platform/path_probe.h"
#include "gateway/platform/resolver.h"
#include "gateway/platform/signals.h"
#include "gateway/platform/state_folder.h"
#include "gateway/platform/system_clock.h"
#include "gateway/platform/system_limits.h"
#include "gateway/platform/system_random.h"
#include "gateway/version.h"
#include "gateway/web/web_server.h"

namespace hubward {
namespace {

using namespace std::chrono_literals;

// A stop as a whole takes under 5 s: pulses end, devices say goodbye, then the store is flushed.
constexpr auto kWindDownMax = 1s;
constexpr auto kGoodbyeMax = 2s;
constexpr auto kFlushMax = 1500ms;
// The loop shows once a second that it runs; the page's /healthz believes it this long.
constexpr auto kHeartbeat = 1s;
constexpr auto kHeartbeatLost = 15s;
constexpr unsigned kBeatsUntilTrim = 60;

// Everything that runs, in the order in which it may go away again (from the last member up).
class Gateway {
 public:
  Gateway(const config::SiteSettings& site, const config::FileSource& files,
          const config::SecretSource& secrets, platform::StateFolder folder, Log& log)
      : site_(site),
        folder_(std::move(folder)),
        log_(log),
        watch_(platform::SystemClock::built(), folder_.newest_file_time()),
        loop_(clock_),
        board_({site.name, kVersion, site.devices}, clock_),
        assignments_(folder_.file("assignments.json"), log),
        backoffs_(folder_.file("backoffs.json"), machine_boot_id(), clock_, log),
        answers_(folder_.file("answers.json"), clock_, log),
        maintenance_marker_(folder_.file("maintenance"), loop_),
        outbox_(outbox_options(site, folder_.file("outbox.db"), log), clock_),
        streams_(resolver_),
        brokers_(streams_),
        settings_(cloud_settings(site)),
        admission_(loop_, limits_of(site), random_, backoffs_),
        endpoints_(admission_, site.dps.address.host, board_, log, clock_),
        status_(loop_, board_),
        roster_(board_),
        clock_rounds_({machine_boot_id(), limits_of(site).connections_per_second}, clock_, watch_,
                      loop_, roster_, board_, log),
        onboarding_({site, files, secrets, loop_, board_, log, folder_.file("refused-devices.json"),
                     [this](config::AddedDevice device) { return join(std::move(device)); }}) {}

  Status start() {
    auto links = platform::MosquittoLinkOpener::create(site_.trusted_roots_file, resolver_, loop_);
    if (!links) return tl::unexpected(links.error());
    links_ = std::move(*links);
    auto probe = platform::NetworkPathProbe::create(site_.trusted_roots_file, resolver_, loop_);
    if (!probe) return tl::unexpected(probe.error());
    probe_ = std::move(*probe);
    paths_ = std::make_unique<observe::PathBook>(*probe_, loop_);
    outbox_.watch(loop_, roster_);
    if (auto made = make_devices(); !made) return made;
    if (auto served = serve(); !served) return served;
    clock_rounds_.begin();
    roster_.start();
    return start_adapters();
  }

  void run() {
    const platform::Signals signals(loop_, [this](int) { stop(); });
    beat();
    log_.write(LogLevel::Info, "started",
               {{"version", kVersion},
                {"site", site_.name},
                {"devices", std::to_string(site_.devices.size())},
                {"page", "http://" + site_.page.host + ":" + std::to_string(page_->port())}});
    loop_.run();
    page_->stop();
    if (!outbox_.flush_and_stop(kFlushMax)) {
      log_.write(LogLevel::Warn, "outbox_flush_slow", {});
    }
    log_.write(LogLevel::Info, "stopped", {});
  }

 private:
  Status make_devices() {
    answers_.expect(site_.devices);
    for (std::uint32_t i = 0; i < site_.devices.size(); ++i) {
      auto made = make_device(DeviceIndex{i}, site_.devices[i], site_.credentials[i]);
      if (!made) return made;
    }
    return {};
  }

  Status make_device(DeviceIndex index, const DeviceDescription& description,
                     const config::DeviceCredential& credential) {
    auto signer = make_signer(credential, description.id);
    if (!signer) return tl::unexpected(signer.error());
    signers_.push_back(std::move(*signer));
    const device::CloudParts parts{loop_,     *links_, *signers_.back(), assignments_,
                                   backoffs_, outbox_, leases_,          admission_,
                                   random_,   log_,    &watch_,          &answers_};
    roster_.add(std::make_unique<device::Device>(
        index, description, settings_,
        device::DeviceParts{parts, status_, writes_, machine_boot_id()}));
    return {};
  }

  // One more device while all others run. Its key is good: it was read with its file.
  Status join(config::AddedDevice device) {
    if (stopping_) return failure(ErrorCode::Stopped, ErrorKind::Permanent, "hubward is stopping");
    const DeviceIndex index{static_cast<std::uint32_t>(roster_.size())};
    device.mqtt.device = index;
    if (auto added = mqtt_->add(std::move(device.mqtt)); !added) return added;
    if (auto made = make_device(index, device.description, device.credential); !made) return made;
    if (!board_.add_device(device.description)) {
      log_.write(LogLevel::Warn, "device_not_shown", {{"device", device.description.id}});
    }
    roster_.at(index).attach(mqtt_);
    roster_.at(index).start();
    mqtt_->report_broker(index);
    return {};
  }

  Status serve() {
    web::WebSettings web;
    web.address = site_.page.host;
    web.port = site_.page.port;
    web.healthy = [this] {
      return clock_.steady() - SteadyTime(std::chrono::nanoseconds(last_beat_)) < kHeartbeatLost;
    };
    const observe::CloudHost dps{settings_.dps_host, settings_.dps_port};
    web.why = [this, dps](DeviceIndex device) {
      return control::why_view(board_, *paths_, dps, device);
    };
    page_ = std::make_unique<web::WebServer>(std::move(web), board_);
    if (auto started = page_->start(); !started) return started;
    commands_ = std::make_unique<control::ControlCommands>(
        control::ControlParts{board_, roster_, outbox_, writes_, *paths_, dps, loop_, log_,
                              maintenance_marker_, onboarding_, asked_lines_, write_queues_});
    auto control = platform::ControlSocket::listen(
        folder_.file("control.sock"), loop_,
        [this](const std::string& request, const platform::ControlSocket::Answer& answer) {
          commands_->handle(request, answer);
        });
    if (control) {
      control_ = std::move(*control);
    } else if (folder_.is_read_only()) {
      // Commands do not get through; readings do, and the page shows what is wrong.
      log_.write(LogLevel::Error, "commands_unavailable", {{"reason", control.error().context}});
    } else {
      return tl::unexpected(control.error());
    }
    return {};
  }

  Status start_adapters() {
    for (const auto& bus : site_.modbus_buses) {
      auto adapter = std::make_unique<modbus::BusAdapter>(bus, streams_, loop_);
      for (const auto& device : bus.devices) roster_.at(device.device).attach(adapter.get());
      lines_.push_back(adapter.get());
      asked_lines_.push_back(adapter.get());
      write_queues_.push_back(adapter.get());
      adapters_.push_back(std::move(adapter));
    }
    for (const auto& line : site_.serial_lines) {
      auto adapter = std::make_unique<serial::SerialAdapter>(line, streams_, loop_);
      for (const auto& device : line.devices) roster_.at(device.device).attach(adapter.get());
      if (!line.devices.front().requests.empty()) lines_.push_back(adapter.get());
      write_queues_.push_back(adapter.get());
      adapters_.push_back(std::move(adapter));
    }
    if (!site_.mqtt_devices.empty() || !site_.onboarding.empty()) {
      auto adapter =
          std::make_unique<mqtt::MqttAdapter>(*site_.broker, site_.mqtt_devices, brokers_, loop_);
      mqtt_ = adapter.get();
      write_queues_.push_back(adapter.get());
      adapters_.push_back(std::move(adapter));
      std::vector<mqtt::DeviceSettings> kinds;
      for (const auto& rule : site_.onboarding) kinds.push_back(rule.kind);
      mqtt_->welcome(std::move(kinds), [this](std::size_t rule, std::string_view name,
                                              std::string_view topic, std::string_view payload) {
        onboarding_.heard(rule, name, topic, payload);
      });
      for (const auto& device : site_.mqtt_devices) {
        roster_.at(device.device).attach(adapters_.back().get());
      }
    }
    for (const auto& adapter : adapters_) {
      if (auto started = adapter->start(roster_); !started) return started;
    }
    return {};
  }

  // Pulses, then adapters, then devices, then (after the loop) the store.
  void stop() {
    if (std::exchange(stopping_, true)) return;
    log_.write(LogLevel::Info, "stopping", {});
    winding_down_ = write_queues_.size();
    for (QueuesWrites* queue : write_queues_) {
      queue->wind_down([this] {
        if (--winding_down_ == 0) stop_adapters();
      });
    }
    loop_.call_at(clock_.steady() + kWindDownMax, [this] { stop_adapters(); });
  }

  void stop_adapters() {
    if (std::exchange(adapters_stopped_, true)) return;
    for (const auto& adapter : adapters_) adapter->stop();
    roster_.stop([this] { loop_.stop(); });
    loop_.call_at(clock_.steady() + kGoodbyeMax, [this] { loop_.stop(); });
  }

  void beat() {
    board_.set_store(outbox_.status());
    last_beat_ = clock_.steady().time_since_epoch().count();
    board_.set_endpoints(endpoints_.look());
    std::vector<LineUse> lines;
    lines.reserve(lines_.size());
    for (SharesLine* line : lines_) lines.push_back(line->line_use());
    board_.set_lines(std::move(lines));
    if (!site_.onboarding.empty()) board_.set_newcomers(onboarding_.look());
    if (++beats_ % kBeatsUntilTrim == 0) platform::return_freed_memory();
    loop_.call_at(clock_.steady() + kHeartbeat, [this] { beat(); });
  }

  const config::SiteSettings& site_;
  platform::StateFolder folder_;
  Log& log_;
  platform::SystemClock clock_;
  resilience::ClockWatch watch_;
  platform::AsioLoop loop_;
  platform::SystemRandom random_;
  platform::Resolver resolver_;
  observe::StatusBoard board_;
  platform::FileAssignmentStore assignments_;
  platform::FileBackoffStore backoffs_;
  platform::FileAnswerStore answers_;
  platform::MarkerFile maintenance_marker_;
  outbox::OutboxWriter outbox_;
  platform::AsioStreams streams_;
  mqtt::BrokerClients brokers_;
  std::unique_ptr<platform::MosquittoLinkOpener> links_;
  const device::CloudSettings settings_;
  AlwaysGranted leases_;
  device::AdmissionDesk admission_;
  device::EndpointJournal endpoints_;
  device::WriteGate writes_;
  std::unique_ptr<platform::NetworkPathProbe> probe_;
  std::unique_ptr<observe::PathBook> paths_;
  std::vector<std::unique_ptr<Signer>> signers_;
  device::StatusRounds status_;
  device::DeviceRoster roster_;
  ClockRounds clock_rounds_;
  std::vector<std::unique_ptr<SouthboundAdapter>> adapters_;
  std::vector<SharesLine*> lines_;      // among them
  std::vector<AsksLine*> asked_lines_;  // likewise
  std::vector<QueuesWrites*> write_queues_{&roster_};
  mqtt::MqttAdapter* mqtt_ = nullptr;  // one of them
  Onboarding onboarding_;
  std::atomic<std::int64_t> last_beat_{clock_.steady().time_since_epoch().count()};
  std::unique_ptr<web::WebServer> page_;  // its thread reads the last beat
  std::unique_ptr<control::ControlCommands> commands_;
  std::unique_ptr<platform::ControlSocket> control_;
  unsigned beats_ = 0;
  bool stopping_ = false;
  std::size_t winding_down_ = 0;  // adapters
  bool adapters_stopped_ = false;
};

}  // namespace

Status run_gateway(const config::SiteSettings& site, const config::FileSource& files,
                   const config::SecretSource& secrets) {
  platform::bound_name_lookups();
  platform::raise_descriptor_limit();
  platform::forbid_core_dumps();
  platform::share_one_heap();
  auto folder = platform::StateFolder::open(site.state_folder);
  if (!folder) return tl::unexpected(folder.error());
  platform::ConsoleLog log(site.log_level);
  Gateway gateway(site, files, secrets, std::move(*folder), log);
  if (auto started = gateway.start(); !started) return started;
  gateway.run();
  return {};
}

}  // namespace hubward
