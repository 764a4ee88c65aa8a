#include "gateway/platform/tls_stream.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <array>
#include <optional>
#include <utility>

#include "gateway/platform/tls_roots.h"

namespace hubward::platform {
namespace {

using SslPointer = std::unique_ptr<SSL, void (*)(SSL*)>;

class TlsStream final : public ByteStream, private ByteStreamEvents {
 public:
  TlsStream(const OpenInner& open_inner, std::string host, TlsTrust trust, ByteStreamEvents& events,
            Loop& loop)
      : host_(std::move(host)),
        trust_(std::move(trust)),
        events_(events),
        loop_(loop),
        inner_(open_inner(*this)) {}
  ~TlsStream() override { TlsStream::close(); }
  TlsStream(const TlsStream&) = delete;
  TlsStream& operator=(const TlsStream&) = delete;

  void open(std::chrono::milliseconds timeout) override {
    close();
    opening_ = std::make_shared<bool>(true);
    deadline_ = loop_.call_at(loop_.clock().steady() + timeout, [this] {
      deadline_ = {};
      fail({ErrorCode::DeviceUnreachable, ErrorKind::Transient, "no answer to the TLS handshake"});
    });
    inner_->open(timeout);
  }

  void write(std::span<const std::byte> bytes) override {
    if (!shaken_) return;
    ERR_clear_error();
    if (!bytes.empty() &&
        SSL_write(ssl_.get(), bytes.data(), static_cast<int>(bytes.size())) <= 0) {
      // Memory takes everything, so that this is the end of the session.
      loop_.post([weak = std::weak_ptr(opening_), this] {
        if (weak.lock()) fail(lost("TLS: the session has ended"));
      });
      return;
    }
    flush();
  }

  // What was not delivered yet cannot be told from what belongs to the session.
  void discard_input() noexcept override {}

  void close() noexcept override {
    opening_.reset();
    shaken_ = false;
    ssl_.reset();
    loop_.cancel(std::exchange(deadline_, {}));
    inner_->close();
  }

 private:
  static Error lost(std::string why) {
    return {ErrorCode::PortLost, ErrorKind::Transient, std::move(why)};
  }

  void on_open() override {
    auto roots = TlsRoots::load(trust_.ca_file);
    if (!roots) return fail(roots.error());
    roots_.emplace(std::move(*roots));
    ssl_.reset(SSL_new(roots_->context()));
    BIO* const in = BIO_new(BIO_s_mem());
    BIO* const out = BIO_new(BIO_s_mem());
    if (!ssl_ || in == nullptr || out == nullptr) {
      BIO_free(in);
      BIO_free(out);
      return fail({ErrorCode::TlsFailed, ErrorKind::Transient, "OpenSSL does not start"});
    }
    BIO_set_mem_eof_return(in, -1);  // empty is not the end
    SSL_set_bio(ssl_.get(), in, out);
    SSL_set_connect_state(ssl_.get());
    shake_hands();
  }

  void on_bytes(std::span<const std::byte> bytes) override {
    if (!ssl_) return;
    BIO_write(SSL_get_rbio(ssl_.get()), bytes.data(), static_cast<int>(bytes.size()));
    const std::weak_ptr<bool> open = opening_;  // an event may close or drop this
    if (!shaken_) shake_hands();
    if (!open.expired() && shaken_) read();
  }

  void on_closed(Error why) override {
    if (!shaken_ && ssl_) why.context = "during the TLS handshake: " + why.context;
    fail(std::move(why));
  }

  void shake_hands() {
    ERR_clear_error();
    const HandshakeHost host(host_);
    const int done = SSL_do_handshake(ssl_.get());
    const int error = done == 1 ? SSL_ERROR_NONE : SSL_get_error(ssl_.get(), done);
    flush();
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return;
    if (done != 1) {
      const std::string distrust = host.distrust();
      if (!distrust.empty()) {
        return fail({host.is_out_of_date() ? ErrorCode::ClockWrong : ErrorCode::TlsUntrusted,
                     ErrorKind::Permanent, "the certificate is not trusted: " + distrust});
      }
      const char* const reason = ERR_reason_error_string(ERR_get_error());
      return fail({ErrorCode::TlsFailed, ErrorKind::Transient,
                   std::string("TLS: ") + (reason != nullptr ? reason : "handshake failed")});
    }
    shaken_ = true;
    loop_.cancel(std::exchange(deadline_, {}));
    events_.on_open();
  }

  void read() {
    const std::weak_ptr<bool> open = opening_;  // an event may close or drop this
    std::array<std::byte, 4096> bytes;
    while (!open.expired()) {
      ERR_clear_error();
      const int count = SSL_read(ssl_.get(), bytes.data(), static_cast<int>(bytes.size()));
      if (count > 0) {
        events_.on_bytes({bytes.data(), static_cast<std::size_t>(count)});
        continue;
      }
      const int error = SSL_get_error(ssl_.get(), count);
      flush();  // an answer to what was no data
      if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) return;
      return fail(lost(error == SSL_ERROR_ZERO_RETURN ? "the other side closed it"
                                                      : "TLS: what came was damaged"));
    }
  }

  // What OpenSSL wants to be sent.
  void flush() {
    BIO* const out = SSL_get_wbio(ssl_.get());
    char* begin = nullptr;
    const long size = BIO_get_mem_data(out, &begin);
    if (size <= 0) return;
    inner_->write(std::as_bytes(std::span(begin, static_cast<std::size_t>(size))));
    (void)BIO_reset(out);
  }

  void fail(Error why) {
    if (!opening_) return;
    close();
    events_.on_closed(std::move(why));
  }

  const std::string host_;
  const TlsTrust trust_;
  ByteStreamEvents& events_;
  Loop& loop_;
  std::optional<TlsRoots> roots_;
  SslPointer ssl_{nullptr, SSL_free};
  bool shaken_ = false;
  std::shared_ptr<bool> opening_;  // one of its own for each opening; shared with posted work
  TimerId deadline_;
  std::unique_ptr<ByteStream> inner_;
};

}  // namespace

std::unique_ptr<ByteStream> make_tls_stream(const OpenInner& open_inner, std::string host,
                                            TlsTrust trust, ByteStreamEvents& events, Loop& loop) {
  return std::make_unique<TlsStream>(open_inner, std::move(host), std::move(trust), events, loop);
}

}  // namespace hubward::platform
