// Carries the model's packets over TLS: one listener for each place, all in one thread.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "tests/sim/cloud/model.h"
#include "tests/sim/net/event_loop.h"

namespace hubward::simcloud {

using simnet::Descriptor;
using simnet::EventLoop;

class TlsConnection;

class TlsServer {
 public:
  // All three outlive the server.
  TlsServer(EventLoop& loop, CloudModel& model, SSL_CTX* context);
  ~TlsServer();

  // Takes over a bound, listening socket of `address` for `place`.
  void serve(Place place, std::string address, Descriptor listener);
  // Carries out what the model left: sends, closes, and closes or opens the doors of places that
  // went down or came back. Call after each round of the loop.
  void settle(Now now);
  // When settle() must run again even if nothing happens.
  [[nodiscard]] std::optional<SteadyTime> next_deadline() const;
  std::size_t connections() const { return connections_.size(); }

 private:
  friend class TlsConnection;
  class Door;
  void accept_from(Door& door);
  void touched(TlsConnection& connection);
  void finished(TlsConnection& connection);
  void deliver(Output&& output);

  EventLoop& loop_;
  CloudModel& model_;
  SSL_CTX* context_;
  std::vector<std::unique_ptr<Door>> doors_;
  std::unordered_map<ConnectionId, std::unique_ptr<TlsConnection>> connections_;
  std::vector<ConnectionId> dirty_;  // have something to write
  // Connections whose last bytes are out and which wait for the peer to close, with their end.
  std::vector<std::pair<SteadyTime, ConnectionId>> lingering_;
  ConnectionId next_id_ = 1;
};

}  // namespace hubward::simcloud
