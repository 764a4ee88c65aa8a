// TCP connections and serial ports to equipment.
#pragma once

#include <memory>

#include "gateway/api/byte_stream.h"

namespace hubward::platform {

class Resolver;

// On AsioLoops only. `resolver` outlives the streams.
class AsioStreams final : public StreamOpener {
 public:
  explicit AsioStreams(Resolver& resolver) : resolver_(resolver) {}

  // Names are resolved off the loop; all addresses of a name are tried within one time-out.
  std::unique_ptr<ByteStream> tcp(TcpEndpoint endpoint, ByteStreamEvents& events,
                                  Loop& loop) override;
  std::unique_ptr<ByteStream> tls(TcpEndpoint endpoint, TlsTrust trust, ByteStreamEvents& events,
                                  Loop& loop) override;
  // Raw, without flow control, locked against a second user (flock and TIOCEXCL). Works with
  // pseudo-terminals, which ignore speed, parity and size.
  std::unique_ptr<ByteStream> serial(SerialSettings settings, ByteStreamEvents& events,
                                     Loop& loop) override;

 private:
  Resolver& resolver_;
};

}  // namespace hubward::platform
