#include "tests/sim/cloud/tls_server.h"

#include <sys/socket.h>

#include <algorithm>

#include "tests/sim/cloud/clocks.h"
#include "tests/sim/cloud/tls_connection.h"

namespace hubward::simcloud {

using simnet::listen_on;
using simnet::port_of;
using simnet::Watcher;

namespace {

constexpr std::chrono::seconds kLinger{1};  // how long a closed connection may stay half-open

}  // namespace

class TlsServer::Door : public Watcher {
 public:
  Door(TlsServer& server, Place where, std::string at, Descriptor bound)
      : place(where), address(std::move(at)), listener(std::move(bound)), server_(server) {
    port = port_of(listener.get());
    server_.loop_.add(listener.get(), EPOLLIN, *this);
  }
  void on_ready(std::uint32_t) override { server_.accept_from(*this); }

  // A place that is down has no listener, so that connections are refused by the kernel.
  void open_or_close(bool up) {
    if (up == static_cast<bool>(listener)) return;
    if (up) {
      listener = listen_on(address, port);
      if (listener) server_.loop_.add(listener.get(), EPOLLIN, *this);
    } else {
      server_.loop_.remove(listener.get());
      listener = Descriptor();
    }
  }

  Place place;
  std::string address;
  Descriptor listener;
  std::uint16_t port = 0;

 private:
  TlsServer& server_;
};

TlsServer::TlsServer(EventLoop& loop, CloudModel& model, SSL_CTX* context)
    : loop_(loop), model_(model), context_(context) {}

TlsServer::~TlsServer() = default;

void TlsServer::serve(Place place, std::string address, Descriptor listener) {
  doors_.push_back(std::make_unique<Door>(*this, place, std::move(address), std::move(listener)));
}

void TlsServer::accept_from(Door& door) {
  constexpr int kAcceptsMax = 64;  // in one round
  for (int i = 0; i < kAcceptsMax && door.listener; ++i) {
    Descriptor socket(
        ::accept4(door.listener.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
    if (!socket) return;
    const ConnectionId id = next_id_++;
    const auto admission = model_.open(id, model_.world().places[door.place].host, read_clocks());
    if (admission == Admission::Refused) {
      const linger reset{.l_onoff = 1, .l_linger = 0};
      ::setsockopt(socket.get(), SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
      continue;
    }
    connections_[id] = std::make_unique<TlsConnection>(*this, id, std::move(socket), context_,
                                                       admission == Admission::Ignored);
  }
}

void TlsServer::touched(TlsConnection& connection) {
  if (connection.dirty) return;
  connection.dirty = true;
  dirty_.push_back(connection.id());
}

void TlsServer::finished(TlsConnection& connection) {
  const auto found = connections_.find(connection.id());
  if (found == connections_.end()) return;
  model_.closed_by_peer(connection.id(), read_clocks());
  loop_.remove(connection.fd());
  loop_.bury(std::move(found->second));
  connections_.erase(found);
}

void TlsServer::deliver(Output&& output) {
  const auto found = connections_.find(output.connection);
  if (found == connections_.end()) return;
  TlsConnection& connection = *found->second;
  if (const auto* packet = std::get_if<mqtt::Packet>(&output.what)) {
    connection.queue(*packet);
  } else if (const auto* cut = std::get_if<Cut>(&output.what)) {
    connection.queue_part(cut->packet, cut->bytes);
    connection.end_after_queue(true);
  } else {
    connection.end_after_queue(false);
  }
  touched(connection);
}

void TlsServer::settle(Now now) {
  for (auto& output : model_.take_outputs()) deliver(std::move(output));
  for (const ConnectionId id : std::exchange(dirty_, {})) {
    const auto found = connections_.find(id);
    if (found == connections_.end()) continue;
    TlsConnection& connection = *found->second;
    connection.dirty = false;
    const bool lingered = connection.lingering;
    connection.flush();
    if (connection.lingering && !lingered) lingering_.emplace_back(now.steady + kLinger, id);
    if (connection.gone) finished(connection);
  }
  std::erase_if(lingering_, [&](const auto& entry) {
    if (entry.first > now.steady) return false;
    const auto found = connections_.find(entry.second);
    if (found != connections_.end()) finished(*found->second);
    return true;
  });
  for (auto& door : doors_) door->open_or_close(model_.is_up(door->place));
}

std::optional<SteadyTime> TlsServer::next_deadline() const {
  if (lingering_.empty()) return std::nullopt;
  return lingering_.front().first;
}

}  // namespace hubward::simcloud
