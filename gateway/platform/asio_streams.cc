#include "gateway/platform/asio_streams.h"

#include <functional>
#include <utility>

#include "gateway/platform/asio_loop.h"
#include "gateway/platform/stream_connection.h"
#include "gateway/platform/tls_stream.h"

namespace hubward::platform {
namespace {

class Stream final : public ByteStream {
 public:
  using Make = std::function<std::shared_ptr<StreamConnection>()>;

  explicit Stream(Make make) : make_(std::move(make)) {}
  ~Stream() override { Stream::close(); }
  Stream(const Stream&) = delete;
  Stream& operator=(const Stream&) = delete;

  void open(std::chrono::milliseconds timeout) override {
    close();
    connection_ = make_();
    connection_->start(timeout);
  }
  void write(std::span<const std::byte> bytes) override {
    if (connection_) connection_->write(bytes);
  }
  void discard_input() noexcept override {
    if (connection_) connection_->discard_input();
  }
  void close() noexcept override {
    if (connection_) connection_->drop();
    connection_.reset();
  }

 private:
  const Make make_;
  std::shared_ptr<StreamConnection> connection_;  // with the frames that run it; see there
};

}  // namespace

std::unique_ptr<ByteStream> AsioStreams::tcp(TcpEndpoint endpoint, ByteStreamEvents& events,
                                             Loop& loop) {
  return std::make_unique<Stream>(
      [endpoint = std::move(endpoint), &events, &on = as_asio(loop), &resolver = resolver_] {
        return make_tcp_connection(endpoint, events, on, resolver);
      });
}

std::unique_ptr<ByteStream> AsioStreams::tls(TcpEndpoint endpoint, TlsTrust trust,
                                             ByteStreamEvents& events, Loop& loop) {
  const std::string host = endpoint.host;
  return make_tls_stream(
      [&](ByteStreamEvents& inner) { return tcp(std::move(endpoint), inner, loop); }, host,
      std::move(trust), events, loop);
}

std::unique_ptr<ByteStream> AsioStreams::serial(SerialSettings settings, ByteStreamEvents& events,
                                                Loop& loop) {
  return std::make_unique<Stream>([settings = std::move(settings), &events, &on = as_asio(loop)] {
    return make_serial_connection(settings, events, on);
  });
}

}  // namespace hubward::platform
