// One TLS client of the simulated cloud.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <vector>

#include "proto/mqtt/packet_reader.h"
#include "tests/sim/cloud/tls_server.h"
#include "tests/sim/net/event_loop.h"

namespace hubward::simcloud {

using simnet::Watcher;

class TlsConnection : public Watcher {
 public:
  TlsConnection(TlsServer& server, ConnectionId id, Descriptor socket, SSL_CTX* context,
                bool ignored);
  ~TlsConnection() override;

  void on_ready(std::uint32_t events) override;

  ConnectionId id() const { return id_; }
  int fd() const { return socket_.get(); }
  void queue(const mqtt::Packet& packet);
  // Queued bytes go out, then the connection ends; `cut` leaves out TLS's own goodbye.
  void end_after_queue(bool cut);
  // At most this many bytes of the packet.
  void queue_part(const mqtt::Packet& packet, std::size_t bytes);
  void flush();

  bool dirty = false;      // in the server's list of those to flush
  bool gone = false;       // the socket has failed or both sides are done
  bool lingering = false;  // everything is out; waits for the peer to close

 private:
  bool handshake();
  void read();
  void watch(std::uint32_t events);
  // True if the call may be repeated later; otherwise the connection is gone.
  bool wants_more(int result);

  TlsServer& server_;
  ConnectionId id_;
  Descriptor socket_;
  SSL* ssl_ = nullptr;  // none for a connection that is never answered
  mqtt::PacketReader reader_{kPacketBytesMax};
  std::vector<std::byte> out_;
  std::size_t sent_ = 0;
  std::uint32_t events_ = 0;
  bool shaken_ = false;
  bool ending_ = false;
  bool cut_ = false;
};

}  // namespace hubward::simcloud
