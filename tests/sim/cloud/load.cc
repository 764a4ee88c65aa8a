// simcloud_load: many TLS devices that connect to a running simcloud and publish at a steady rate,
// to see that the simulated cloud is never the bottleneck of a test.
//   simcloud_load STATE_DIR DEVICES MESSAGES_PER_SECOND SECONDS
#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>

#include "proto/base64.h"
#include "proto/json.h"
#include "proto/mqtt/packet_reader.h"
#include "tests/sim/cloud/clocks.h"
#include "tests/sim/cloud/signature.h"
#include "tests/sim/net/event_loop.h"

namespace hubward::simcloud {
namespace {

using simnet::Descriptor;
using simnet::EventLoop;
using simnet::Watcher;

using std::chrono::milliseconds;

// Devices are enrolled beforehand with this group key, and put on hub-1 without DPS.
Key group_key() { return Key(64, std::byte{7}); }

struct Tally {
  std::size_t connected = 0;
  std::size_t lost = 0;
  std::uint64_t sent = 0;
  std::uint64_t acknowledged = 0;
};

class LoadDevice : public Watcher {
 public:
  LoadDevice(EventLoop& loop, Tally& tally, SSL_CTX* context, std::string id)
      : loop_(loop), tally_(tally), context_(context), id_(std::move(id)) {}
  ~LoadDevice() override { SSL_free(ssl_); }

  // What is sent first, as soon as TLS stands.
  void start(const sockaddr_in& where, const mqtt::Packet& first) {
    reader_ = mqtt::PacketReader(64 * 1024);
    socket_ = Descriptor(::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    ssl_ = SSL_new(context_);
    SSL_set_fd(ssl_, socket_.get());
    SSL_set_connect_state(ssl_);
    static_cast<void>(mqtt::encode_to(first, out_));
    ::connect(socket_.get(), reinterpret_cast<const sockaddr*>(&where), sizeof where);
    loop_.add(socket_.get(), EPOLLIN | EPOLLOUT, *this);
  }
  void publish(std::string_view body) {
    mqtt::Publish packet{.qos = mqtt::Qos::AtLeastOnce};
    packet.topic = "devices/" + id_ + "/messages/events/%24.mid=load-" + id_ + '-' +
                   std::to_string(++sequence_) + "&%24.ct=application%2Fjson&%24.ce=utf-8";
    packet.payload = body;
    packet.packet_id = static_cast<mqtt::PacketId>(sequence_ % 65'535 + 1);
    static_cast<void>(mqtt::encode_to(packet, out_));
    ++tally_.sent;
    flush();
  }
  bool connected() const { return connected_; }

  void on_ready(std::uint32_t) override {
    if (gone_) return;
    std::array<std::byte, 16 * 1024> buffer;
    for (;;) {
      const int count = SSL_read(ssl_, buffer.data(), static_cast<int>(buffer.size()));
      if (count <= 0) {
        if (!keeps_on(count)) return;
        break;
      }
      reader_.feed(std::span(buffer).first(static_cast<std::size_t>(count)));
      take_packets();
    }
    flush();
  }

 private:
  bool keeps_on(int result) {
    const int why = SSL_get_error(ssl_, result);
    if (why == SSL_ERROR_WANT_READ || why == SSL_ERROR_WANT_WRITE) return true;
    gone_ = true;
    ++tally_.lost;
    if (connected_) --tally_.connected;
    connected_ = false;
    loop_.remove(socket_.get());
    return false;
  }
  void take_packets() {
    for (;;) {
      const auto packet = reader_.next();
      if (!packet || !*packet) return;
      if (std::holds_alternative<mqtt::Puback>(**packet)) ++tally_.acknowledged;
      const auto* connack = std::get_if<mqtt::Connack>(&**packet);
      if (connack != nullptr && connack->return_code == 0) {
        connected_ = true;
        ++tally_.connected;
      }
    }
  }
  void flush() {
    while (!gone_ && !out_.empty()) {
      const int count = SSL_write(ssl_, out_.data(), static_cast<int>(out_.size()));
      if (count <= 0) {
        if (keeps_on(count)) loop_.change(socket_.get(), EPOLLIN | EPOLLOUT, *this);
        return;
      }
      out_.erase(out_.begin(), out_.begin() + count);
    }
    if (!gone_) loop_.change(socket_.get(), EPOLLIN, *this);
  }

  EventLoop& loop_;
  Tally& tally_;
  SSL_CTX* context_;
  std::string id_;
  Descriptor socket_;
  SSL* ssl_ = nullptr;
  mqtt::PacketReader reader_{64 * 1024};
  std::vector<std::byte> out_;
  std::uint64_t sequence_ = 0;
  bool connected_ = false;
  bool gone_ = false;
};

mqtt::Connect connect_packet(const std::string& host, const std::string& id) {
  const auto expires = read_clocks().wall + std::chrono::hours(1);
  return {
      .client_id = id,
      .user_name = host + '/' + id + "/?api-version=2021-04-12",
      .password = make_token(host + "/devices/" + id, derive_device_key(group_key(), id), expires),
      .keep_alive = std::chrono::seconds(240),
      .clean_session = false};
}

// The first line must be out when the devices are connected: a script may measure in between.
int run(const std::string& state, std::size_t count, double rate, double seconds) {
  std::ifstream file(state + "/ports.json");
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const auto ports = json::parse(text);
  if (!ports) return std::fputs("no ports.json\n", stderr), 1;
  const auto port = json::as_int(json::find(*ports, "port")).value_or(0);
  const std::string host = "127.0.0.2";
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_port = htons(static_cast<std::uint16_t>(port));
  ::inet_pton(AF_INET, host.c_str(), &where.sin_addr);
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  EventLoop loop;
  Tally tally;
  std::vector<std::unique_ptr<LoadDevice>> devices;
  const auto begun = read_clocks().steady;
  constexpr std::size_t kHandshakesMax = 100;  // at once
  while (tally.connected + tally.lost < count) {
    while (devices.size() < count &&
           devices.size() < tally.connected + tally.lost + kHandshakesMax) {
      const std::string id = "load-" + std::to_string(devices.size());
      devices.push_back(std::make_unique<LoadDevice>(loop, tally, context, id));
      devices.back()->start(where, connect_packet(host, id));
    }
    loop.run_once(milliseconds(10));
  }
  const auto all_up = read_clocks().steady;
  const auto in_ms = [](SteadyTime::duration time) {
    return std::chrono::duration_cast<milliseconds>(time).count();
  };
  std::printf("connected %zu, lost %zu in %lld ms\n", tally.connected, tally.lost,
              static_cast<long long>(in_ms(all_up - begun)));
  std::fflush(stdout);
  const std::string body =
      R"({"counter":1,"pressure":182.5,"temperature":61.25,"state":"pressing",)"
      R"("padding":")" +
      std::string(130, 'x') + "\"}";
  std::size_t next = 0;
  for (;;) {
    const std::chrono::duration<double> passed = read_clocks().steady - all_up;
    if (passed.count() >= seconds) break;
    while (static_cast<double>(tally.sent) < passed.count() * rate) {
      devices[next++ % count]->publish(body);
    }
    loop.run_once(milliseconds(1));
  }
  const auto deadline = read_clocks().steady + std::chrono::seconds(10);
  while (tally.acknowledged < tally.sent && read_clocks().steady < deadline) {
    loop.run_once(milliseconds(10));
  }
  const auto took = in_ms(read_clocks().steady - all_up);
  std::printf("sent %llu, acknowledged %llu in %lld ms: %.0f a second, lost connections %zu\n",
              static_cast<unsigned long long>(tally.sent),
              static_cast<unsigned long long>(tally.acknowledged), static_cast<long long>(took),
              static_cast<double>(tally.acknowledged) * 1000.0 / static_cast<double>(took),
              tally.lost);
  devices.clear();
  SSL_CTX_free(context);
  return tally.acknowledged == tally.sent ? 0 : 1;
}

}  // namespace
}  // namespace hubward::simcloud

int main(int argc, char** argv) {
  if (argc != 5)
    return std::fputs("usage: simcloud_load STATE_DIR DEVICES PER_SECOND SECONDS\n", stderr), 2;
  return hubward::simcloud::run(argv[1], std::strtoul(argv[2], nullptr, 10),
                                std::strtod(argv[3], nullptr), std::strtod(argv[4], nullptr));
}
