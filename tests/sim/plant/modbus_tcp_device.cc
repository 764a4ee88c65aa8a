#include "tests/sim/plant/modbus_tcp_device.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <utility>

namespace hubward::plant {

ModbusTcpDevice::ModbusTcpDevice(ModbusProfile profile, const std::string& address,
                                 std::uint16_t port)
    : ModbusDevice(std::move(profile)), address_(address), port_(port) {
  if (open_listener()) {
    thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
  }
}

ModbusTcpDevice::~ModbusTcpDevice() { shut_down(); }

void ModbusTcpDevice::shut_down() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
}

bool ModbusTcpDevice::open_listener() {
  listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const int on = 1;
  ::setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  sockaddr_in where{};
  where.sin_family = AF_INET;
  where.sin_port = htons(port_);
  socklen_t size = sizeof where;
  auto* generic = reinterpret_cast<sockaddr*>(&where);
  if (::inet_pton(AF_INET, address_.c_str(), &where.sin_addr) != 1 ||
      ::bind(listener_, generic, size) != 0 || ::listen(listener_, 16) != 0 ||
      ::getsockname(listener_, generic, &size) != 0) {
    close_listener();
    return false;
  }
  port_ = ntohs(where.sin_port);  // kept, so that a restarted device comes back on the same port
  return true;
}

void ModbusTcpDevice::close_listener() {
  if (listener_ >= 0) ::close(listener_);
  listener_ = -1;
}

void ModbusTcpDevice::accept_peer() {
  const int wire = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
  if (wire < 0) return;
  if (peers_.size() >= kPeersMax) {
    ::close(wire);
    return;
  }
  const int on = 1;
  ::setsockopt(wire, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  auto peer = std::make_unique<Peer>();
  peer->context = modbus_new_tcp("127.0.0.1", 502);  // only a codec: the socket is set here
  peer->wire = wire;
  modbus_set_slave(peer->context, profile().unit_id);
  modbus_set_socket(peer->context, wire);
  // Half a request must not hold up the other peers for long.
  modbus_set_indication_timeout(peer->context, 0, 200'000);
  modbus_set_byte_timeout(peer->context, 0, 200'000);
  modbus_set_response_timeout(peer->context, 0, 10'000);  // libmodbus sleeps it before exceptions
  peers_.push_back(std::move(peer));
}

void ModbusTcpDevice::drop_peer(std::size_t place) {
  Peer& peer = *peers_[place];
  peer.unconfirmed.peer_left(SteadyClock::now(), log);
  ::close(peer.wire);
  modbus_free(peer.context);
  peers_.erase(peers_.begin() + static_cast<std::ptrdiff_t>(place));
}

void ModbusTcpDevice::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    if (!running()) {
      close_listener();
      while (!peers_.empty()) drop_peer(0);
      pause(std::chrono::milliseconds(20), stop);
      continue;
    }
    if (listener_ < 0 && !open_listener()) {
      pause(std::chrono::milliseconds(100), stop);
      continue;
    }
    std::vector<pollfd> waits{{listener_, POLLIN, 0}};
    for (const auto& peer : peers_) waits.push_back({peer->wire, POLLIN, 0});
    if (::poll(waits.data(), waits.size(), 20) <= 0) continue;
    for (std::size_t i = peers_.size(); i > 0; --i) {
      if (waits[i].revents != 0 && !serve(*peers_[i - 1], stop)) drop_peer(i - 1);
    }
    if (waits[0].revents != 0) accept_peer();
  }
  while (!peers_.empty()) drop_peer(0);
  close_listener();
}

void ModbusTcpDevice::describe(json::Writer& writer) const {
  writer.Key("host");
  writer.String(address_);
  writer.Key("port");
  writer.Int(port_);
  writer.Key("unit_id");
  writer.Int(profile().unit_id);
}

Status ModbusTcpDevice::send(const json::Value&) {
  return refused("a Modbus TCP device only answers; order a fault instead");
}

}  // namespace hubward::plant
