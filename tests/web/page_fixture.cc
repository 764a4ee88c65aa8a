// Serves the page from the real board and server, fed with scripted states, so that the page can be
// seen and tested without a plant:
//   page_fixture [--port N] [--state fine|blocked|cloud-down|failover|silent|starting|hostile]
//                [--devices N]
// Prints the page's address and runs until it is killed or its input ends.
#include <poll.h>
#include <unistd.h>

#include <charconv>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <string>
#include <string_view>

#include "gateway/observe/status_board.h"
#include "gateway/observe/why.h"
#include "gateway/web/web_server.h"
#include "tests/support/machine_clock.h"

namespace {

using namespace hubward;
using namespace std::chrono_literals;

TagDescription tag(std::string name, std::string unit = {}) {
  TagDescription description;
  description.name = std::move(name);
  description.unit = std::move(unit);
  return description;
}

std::vector<DeviceDescription> six_devices() {
  return {
      {"press-07",
       "Press 07",
       "",
       "plant",
       "Modbus TCP 10.0.20.7:502, unit 1",
       "modbus-tcp",
       {tag("pressure", "bar"), tag("oil_temperature", "°C"), tag("cycles"), tag("running")}},
      {"meter-main",
       "Main energy meter",
       "",
       "plant",
       "Modbus RTU /dev/serial/by-id/usb-rs485-1, unit 12",
       "modbus-rtu",
       {tag("power", "kW"), tag("voltage_l1", "V"), tag("energy", "kWh")}},
      {"scale-dock-2",
       "Scale, dock 2",
       "",
       "plant",
       "Serial /dev/serial/by-id/usb-scale, 9600 8N1",
       "serial",
       {tag("weight", "kg"), tag("state")}},
      {"hall-climate-3",
       "Hall 3 climate",
       "",
       "plant",
       "MQTT plant/hall3/climate",
       "mqtt",
       {tag("temperature", "°C"), tag("humidity", "%")}},
      {"compressor-1",
       "Compressor 1",
       "",
       "plant",
       "MQTT plant/compressor1/state",
       "mqtt",
       {tag("vibration", "mm/s"), tag("speed", "rpm"), tag("air_pressure", "bar")}},
      {"tank-b",
       "Tank B level",
       "",
       "plant",
       "Modbus TCP 10.0.20.31:502, unit 3",
       "modbus-tcp",
       {tag("level", "m"), tag("pump_runs"), tag("inlet_temperature", "°C")}},
  };
}

std::vector<DeviceDescription> many_devices(std::size_t count) {
  std::vector<DeviceDescription> devices;
  const auto patterns = six_devices();
  for (std::size_t i = 0; i < count; ++i) {
    DeviceDescription device = patterns[i % patterns.size()];
    if (i >= patterns.size()) {
      device.id += "-" + std::to_string(i);
      device.display_name += ", line " + std::to_string(i / patterns.size());
    }
    devices.push_back(std::move(device));
  }
  return devices;
}

TagValue made_up_value(std::size_t device, std::size_t place, const TagDescription& description,
                       double seconds) {
  const double wave =
      std::sin(seconds / (7.0 + static_cast<double>(device)) + static_cast<double>(place)) +
      0.25 * std::sin(seconds * 1.7 + static_cast<double>(device));
  const auto count = static_cast<std::uint64_t>(seconds * 1.3);
  if (description.name == "running") return std::fmod(seconds, 40) < 34;
  if (description.name == "state") return std::string(wave > 0 ? "stable" : "moving");
  if (description.unit.empty()) return 18'400 + count % 1'000'000;
  if (description.name == "energy") return 91'228.4 + seconds / 60;
  if (description.unit == "V") return 230.4 + wave;
  if (description.unit == "rpm") return static_cast<std::int64_t>(1480 + 12 * wave);
  if (description.unit == "m") return 3.4 + 0.3 * wave;
  if (description.unit == "mm/s") return 1.8 + 0.4 * wave;
  return 60.0 + 8.0 * wave + 12.0 * static_cast<double>(place);
}

class Script {
 public:
  Script(observe::StatusBoard& board, std::string state) : board_(board), state_(std::move(state)) {
    begin_ = board.clock().wall() - 3h - 12min;
    statuses_.resize(board.site().devices.size());
    for (std::uint32_t i = 0; i < statuses_.size(); ++i) {
      DeviceStatus& status = statuses_[i];
      status.device = DeviceIndex{i};
      status.cloud = CloudState::Online;
      status.cloud_since = begin_ + std::chrono::seconds(i % 60);
      status.field.link = FieldState::Link::Up;
      status.field_since = begin_;
      status.assigned_hub =
          i % 3 == 2 ? "hub-north-2.azure-devices.net" : "hub-north-1.azure-devices.net";
      status.tags.resize(board.site().devices[i].tags.size());
      status.outbox.appended = status.outbox.delivered = 11'300 + i * 137;
      status.hub_connects = 1;
      status.dps_conversations = 1;
    }
    history();
    // A past for the curves.
    const WallTime now = board.clock().wall();
    const bool few = statuses_.size() < 100;
    trouble_begins_ = state_ == "starting" ? begin_ : now - 15s;
    for (WallTime at = now - (few ? 110s : 2s); at < now; at += 1s) step(at);
  }

  void step(WallTime now) {
    const double seconds = static_cast<double>((now - begin_).count()) / 1000.0;
    for (std::uint32_t i = 0; i < statuses_.size(); ++i) {
      DeviceStatus& status = statuses_[i];
      const bool is_trouble = i == 0 || (statuses_.size() > 100 && i % 97 == 0);
      if (now >= trouble_begins_) apply_state(status, is_trouble, now);
      if (status.field.link == FieldState::Link::Up) {
        read(status, now, seconds);
      }
      if (status.cloud == CloudState::Online) {
        status.outbox.delivered += status.outbox.waiting;
        status.outbox.waiting = 0;
        status.outbox.oldest_waiting.reset();
        if (status.outbox.delivered > 0) status.last_delivered = now - 300ms;
      }
      board_.device(status);
    }
  }

 private:
  void read(DeviceStatus& status, WallTime now, double seconds) {
    const std::size_t i = status.device.value;
    const auto& description = board_.site().devices[i];
    for (std::size_t t = 0; t < status.tags.size(); ++t) {
      TagReading reading;
      reading.tag = TagIndex{static_cast<std::uint16_t>(t)};
      reading.value = made_up_value(i, t, description.tags[t], seconds);
      if (state_ == "blocked" && i == 5 && t == 2) {
        reading.quality = Quality::Bad;
        reading.code = ErrorCode::ModbusException;
      }
      if (state_ == "hostile" && t == 1) {
        reading.value = std::string("<b onmouseover=alert(1)>\xff\x01 text</b>");
      }
      status.tags[t] = {reading, now};
    }
    ++status.outbox.appended;
    ++status.outbox.waiting;
    status.outbox.waiting_bytes = status.outbox.waiting * 240;
    if (!status.outbox.oldest_waiting) status.outbox.oldest_waiting = now;
  }

  void apply_state(DeviceStatus& status, bool is_trouble, WallTime now) {
    const auto next =
        now + 1s + std::chrono::milliseconds(42'000 - (now - begin_).count() % 42'000);
    if (state_ == "blocked" && is_trouble) {
      status.cloud = CloudState::WaitingForOperator;
      status.cloud_since = begin_ + 3h;
      status.cloud_failure = ErrorCode::DpsBlocked;
      status.cloud_detail = "DPS 400209, tracking id 5b1f-77c2";
      status.next_attempt = next;
      status.attempts = 4;
      status.outbox.waiting = std::max<std::uint64_t>(status.outbox.waiting, 712);
      status.outbox.oldest_waiting = begin_ + 3h;
    } else if (state_ == "cloud-down") {
      status.cloud = CloudState::BackingOff;
      status.cloud_since = begin_ + 1h;
      status.cloud_failure = ErrorCode::OwnNetworkDown;
      status.cloud_detail = "global.azure-devices-provisioning.net:8883, no route to host";
      status.next_attempt = next + std::chrono::seconds(status.device.value * 3);
      status.attempts = 17;
      status.outbox.waiting = std::max<std::uint64_t>(status.outbox.waiting, 6'860);
      status.outbox.oldest_waiting = begin_ + 1h;
      status.last_delivered = begin_ + 1h;
    } else if (state_ == "failover" && is_trouble) {
      status.cloud = CloudState::Provisioning;
      status.cloud_since = now - 4s;
      status.cloud_failure = ErrorCode::HubRefused;
      status.cloud_detail = "hub-north-1.azure-devices.net, CONNACK 5";
      status.attempts = 1;
      status.outbox.waiting = std::max<std::uint64_t>(status.outbox.waiting, 9);
    } else if (state_ == "silent" && is_trouble) {
      status.field.link = FieldState::Link::Down;
      status.field.code = ErrorCode::NoAnswer;
      status.field.detail = "unit 1 at 10.0.20.7:502: 14 requests without an answer, next in 8 s";
      status.field_since = begin_ + 3h + 4min;
    } else if (state_ == "starting") {
      status.cloud =
          status.device.value % 2 == 0 ? CloudState::Provisioning : CloudState::Connecting;
      status.cloud_since = now - 2s;
      status.field.link = FieldState::Link::Unknown;
      status.outbox = {};
      status.last_delivered.reset();
      if (status.device.value % 2 == 0) status.assigned_hub.clear();
    }
  }

  void history() {
    board_.event({begin_, std::nullopt, "started", "hubward started with 6 devices."});
    for (std::uint32_t i = 0; i < 6 && i < statuses_.size(); ++i) {
      const std::string& hub = statuses_[i].assigned_hub;
      board_.event({begin_ + std::chrono::seconds(i + 2), DeviceIndex{i}, "hub_connected",
                    "Connected to " + hub + ", assigned by DPS."});
    }
    board_.event({begin_ + 2h, DeviceIndex{1}, "write_done",
                  "Set point 42 written by the cloud, confirmed by the equipment."});
    if (state_ == "blocked") {
      board_.event({begin_ + 3h, DeviceIndex{0}, "hub_refused",
                    "The hub refused the device; DPS says it is blocked."});
    } else if (state_ == "silent") {
      board_.event(
          {begin_ + 3h + 4min, DeviceIndex{0}, "field_down", "The equipment stopped answering."});
    } else if (state_ == "cloud-down") {
      board_.event({begin_ + 1h, std::nullopt, "cloud_out",
                    "Neither the hubs nor DPS can be reached; readings are kept."});
    }
    const std::string_view half = "ST,GS,+  12";
    BadInput sample{DeviceIndex{2}, "/dev/serial/by-id/usb-scale", ErrorCode::BadPayload, {}};
    for (const char c : half) sample.sample.push_back(static_cast<std::byte>(c));
    for (int i = 0; i < 3; ++i) board_.bad_input(sample);
  }

  observe::StatusBoard& board_;
  std::string state_;
  WallTime begin_;
  WallTime trouble_begins_;  // so that there is something to be seen from before
  std::vector<DeviceStatus> statuses_;
};

// What a look at the network would find in the state that is shown.
PathFindings made_up_path(const std::string& host, const std::string& state, WallTime now) {
  PathFindings path;
  path.host = host;
  path.port = 8883;
  path.at = now;
  path.name.took = 9ms;
  path.addresses = {"20.50.201.14"};
  path.address = path.addresses.front();
  path.tcp = PathStep{14ms, std::nullopt};
  if (state == "cloud-down") {
    path.tcp->trouble = Error{ErrorCode::Unreachable, ErrorKind::Transient, "no answer"};
    return path;
  }
  path.tls = PathStep{31ms, std::nullopt};
  path.tls_version = "TLSv1.3";
  path.certificate = CertificateFacts{"CN = *.azure-devices.net",
                                      "C = US, O = Microsoft Corporation, CN = Microsoft Azure RSA "
                                      "TLS Issuing CA 04",
                                      now - 24h * 100, now + 24h * 265};
  if (state == "hostile") {
    path.certificate->issuer = "CN = <img src=x onerror=alert(3)>";
    path.faulty = path.certificate;
    path.faults = {CertificateFault::UnknownIssuer};
    path.tls->trouble = Error{ErrorCode::TlsUntrusted, ErrorKind::Permanent, "not trusted"};
  }
  return path;
}

std::string made_up_why(const observe::StatusBoard& board, const std::string& state,
                        DeviceIndex device) {
  const auto view = board.device_view(device);
  const auto& description = board.site().devices[device.value];
  observe::WhyFacts facts;
  facts.now = board.clock().wall();
  facts.device_id = description.id;
  facts.device_name = description.display_name;
  facts.dps = {"global.azure-devices-provisioning.net", 8883};
  facts.dps_path = made_up_path(facts.dps.host, state, facts.now);
  facts.status = view->status;
  if (!facts.status.assigned_hub.empty()) {
    facts.hub = observe::CloudHost{facts.status.assigned_hub, 8883};
    facts.hub_path = made_up_path(facts.hub->host, state, facts.now);
  }
  if (facts.status.cloud_failure) {
    facts.status.last_login = CloudAttempt{facts.now - 12s, ErrorCode::HubRefused,
                                           facts.status.assigned_hub + ": CONNACK 5"};
    facts.status.last_provisioning =
        CloudAttempt{facts.now - 11s, facts.status.cloud_failure, facts.status.cloud_detail};
  }
  return observe::why_json(observe::why(facts), false);
}

bool number_after(std::string_view text, std::size_t& value) {
  return std::from_chars(text.data(), text.data() + text.size(), value).ec == std::errc();
}

}  // namespace

int main(int argc, char** argv) {
  std::size_t port = 0;
  std::size_t count = 6;
  std::string state = "fine";
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view name = argv[i];
    const std::string_view text = argv[i + 1];
    if (name == "--port" && number_after(text, port)) continue;
    if (name == "--devices" && number_after(text, count)) continue;
    if (name == "--state") {
      state = text;
      continue;
    }
    std::fprintf(stderr, "page_fixture: what is %s?\n", argv[i]);
    return 2;
  }
  const test::MachineClock clock;
  auto devices = many_devices(count);
  std::string name = "Plant Nuremberg";
  if (state == "hostile") {
    name = "<script>alert(1)</script>";
    devices[0].display_name = "<img src=x onerror=\"document.title='owned'\">";
    devices[0].attached_to = "\"><svg onload=alert(1)>";
    devices[1].tags[0].name = "<i>tag</i>&amp;";
    devices[1].tags[0].unit = "<u>";
  }
  observe::StatusBoard board({std::move(name), "0.1.0", std::move(devices)}, clock);
  Script script(board, state);
  if (count >= 2) {
    const bool busy = state == "blocked";  // asked for more than it carries
    board.set_lines(
        {{"10.0.20.7:502", {{DeviceIndex{0}, 0.031, 0.028, 4800us, 9120, 0, 0}}},
         {state == "hostile" ? "<img src=x onerror=alert(3)>" : "/dev/serial/by-id/usb-rs485-1",
          {{DeviceIndex{1}, busy ? 0.97 : 0.184, busy ? 1.18 : 0.19, 12ms, 4711, 3,
            busy ? std::uint64_t{212} : std::uint64_t{0}}}}});
  }
  if (state == "hostile") {
    NewcomersStatus newcomers{.expected = true, .waiting = {}, .refused = {}};
    newcomers.waiting.push_back({"<img src=x onerror=alert(4)>'", "radio", "plant/<b>x</b>/t", 3,
                                 clock.wall(), clock.wall(), "<i>problem</i>"});
    board.set_newcomers(std::move(newcomers));
    board.event({clock.wall(), DeviceIndex{0}, "x", "<img src=x onerror=alert(2)> \xff\xfe"});
  }
  web::WebServer server(
      {.address = "127.0.0.1",
       .port = static_cast<std::uint16_t>(port),
       .host_names = {},
       .healthy = {},
       .why = [&board, &state](DeviceIndex device) { return made_up_why(board, state, device); }},
      board);
  if (const auto started = server.start(); !started) {
    std::fprintf(stderr, "page_fixture: %s\n", started.error().context.c_str());
    return 1;
  }
  std::printf("http://127.0.0.1:%u/\n", static_cast<unsigned>(server.port()));
  std::fflush(stdout);
  for (pollfd input{STDIN_FILENO, POLLIN, 0};;) {
    if (poll(&input, 1, 500) > 0) {
      char byte = 0;
      if (read(STDIN_FILENO, &byte, 1) <= 0) break;
    }
    script.step(clock.wall());
  }
  return 0;
}
