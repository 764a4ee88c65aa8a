// TLS over a byte stream, itself a byte stream.
#pragma once

#include <functional>
#include <memory>

#include "gateway/api/byte_stream.h"

namespace hubward::platform {

// Opens the stream under TLS, with these as its events.
using OpenInner = std::function<std::unique_ptr<ByteStream>(ByteStreamEvents&)>;

// `host`: what the certificate must be made out to. The roots are read at each opening, so that a
// renewed file is used. `events` and `loop` outlive the stream.
[[nodiscard]] std::unique_ptr<ByteStream> make_tls_stream(const OpenInner& open_inner,
                                                          std::string host, TlsTrust trust,
                                                          ByteStreamEvents& events, Loop& loop);

}  // namespace hubward::platform
