#include "tests/sim/cloud/tls_connection.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <sys/socket.h>

#include <array>

#include "tests/sim/cloud/clocks.h"

namespace hubward::simcloud {
namespace {

constexpr std::size_t kOutBytesMax = 8 * 1024 * 1024;  // a client that never reads is cut off

}  // namespace

TlsConnection::TlsConnection(TlsServer& server, ConnectionId id, Descriptor socket,
                             SSL_CTX* context, bool ignored)
    : server_(server), id_(id), socket_(std::move(socket)) {
  const int yes = 1;
  ::setsockopt(socket_.get(), IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  if (!ignored) {
    ssl_ = SSL_new(context);
    SSL_set_fd(ssl_, socket_.get());
    SSL_set_accept_state(ssl_);
  }
  events_ = EPOLLIN;
  server_.loop_.add(socket_.get(), events_, *this);
}

TlsConnection::~TlsConnection() { SSL_free(ssl_); }

void TlsConnection::watch(std::uint32_t events) {
  if (events == events_) return;
  events_ = events;
  server_.loop_.change(socket_.get(), events, *this);
}

bool TlsConnection::wants_more(int result) {
  const int why = SSL_get_error(ssl_, result);
  if (why == SSL_ERROR_WANT_READ) {
    watch(EPOLLIN);
    return true;
  }
  if (why == SSL_ERROR_WANT_WRITE) {
    watch(EPOLLIN | EPOLLOUT);
    return true;
  }
  gone = true;
  return false;
}

bool TlsConnection::handshake() {
  ERR_clear_error();
  const int result = SSL_do_handshake(ssl_);
  if (result == 1) {
    shaken_ = true;
    watch(EPOLLIN);
    return true;
  }
  wants_more(result);
  return false;
}

void TlsConnection::on_ready(std::uint32_t events) {
  if (gone) return;
  if (lingering || ssl_ == nullptr) {
    // Whatever still comes is read and forgotten, until the peer closes.
    std::array<std::byte, 4096> waste;
    const auto count = ::recv(socket_.get(), waste.data(), waste.size(), MSG_DONTWAIT);
    gone = count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR);
  } else if (shaken_ || handshake()) {
    if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0) read();
    if (!gone && !out_.empty()) server_.touched(*this);
  }
  if (gone) server_.finished(*this);
}

void TlsConnection::read() {
  // A round's share of one connection, so that a fast one does not starve the others.
  constexpr int kReadsMax = 8;
  static std::array<std::byte, 16 * 1024> buffer;  // one thread; a TLS record at most
  const Now now = read_clocks();
  for (int i = 0; i < kReadsMax || SSL_pending(ssl_) > 0; ++i) {
    ERR_clear_error();
    const int count = SSL_read(ssl_, buffer.data(), static_cast<int>(buffer.size()));
    if (count <= 0) {
      wants_more(count);
      return;
    }
    if (ending_) continue;
    reader_.feed(std::span(buffer).first(static_cast<std::size_t>(count)));
    for (;;) {
      auto packet = reader_.next();
      if (!packet) return server_.model_.protocol_error(id_, now);
      if (!*packet) break;
      server_.model_.receive(id_, std::move(**packet), now);
    }
  }
}

void TlsConnection::queue(const mqtt::Packet& packet) {
  if (ending_) return;
  if (out_.size() - sent_ > kOutBytesMax) gone = true;
  static_cast<void>(mqtt::encode_to(packet, out_));
}

void TlsConnection::queue_part(const mqtt::Packet& packet, std::size_t bytes) {
  const std::size_t before = out_.size();
  queue(packet);
  out_.resize(std::min(out_.size(), before + bytes));
}

void TlsConnection::end_after_queue(bool cut) {
  ending_ = true;
  cut_ = cut;
}

void TlsConnection::flush() {
  if (gone || lingering) return;
  if (ssl_ == nullptr || !shaken_) {
    gone = ending_;
    return;
  }
  while (sent_ < out_.size()) {
    ERR_clear_error();
    const int count = SSL_write(ssl_, out_.data() + sent_, static_cast<int>(out_.size() - sent_));
    if (count <= 0) {
      wants_more(count);
      return;
    }
    sent_ += static_cast<std::size_t>(count);
  }
  out_.clear();
  sent_ = 0;
  watch(EPOLLIN);
  if (!ending_) return;
  if (!cut_) SSL_shutdown(ssl_);
  // Closing at once could make the kernel throw away a CONNACK the peer has not read yet, if the
  // peer has sent anything meanwhile.
  ::shutdown(socket_.get(), SHUT_WR);
  lingering = true;
}

}  // namespace hubward::simcloud
