// A byte stream to equipment: a TCP connection or a serial port. platform/ implements it, tests
// hand adapters a scripted one.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "gateway/api/loop.h"
#include "proto/result.h"

namespace hubward {

struct TcpEndpoint {
  std::string host;
  std::uint16_t port = 0;
  friend auto operator<=>(const TcpEndpoint&, const TcpEndpoint&) = default;
};

// How the other side of a connection proves who it is.
struct TlsTrust {
  std::string ca_file;  // PEM, with the certificate that signed the other side's
};

enum class Parity : std::uint8_t { None, Even, Odd };

struct SerialSettings {
  std::string path;  // e.g. /dev/serial/by-id/...
  std::uint32_t baud = 9600;
  std::uint8_t data_bits = 8;
  Parity parity = Parity::None;
  std::uint8_t stop_bits = 1;
  bool rs485 = false;  // let the driver switch direction (TIOCSRS485)
  friend bool operator==(const SerialSettings&, const SerialSettings&) = default;
};

class ByteStreamEvents {
 public:
  virtual ~ByteStreamEvents() = default;
  virtual void on_open() = 0;
  virtual void on_bytes(std::span<const std::byte> bytes) = 0;  // as they come, any split
  // Not opened, or open no more. Codes: PortUnavailable, PortLost, DeviceNameUnknown,
  // DeviceUnreachable, DeviceNotListening. The context is the reason alone; whoever opened the
  // stream knows its place.
  virtual void on_closed(Error why) = 0;
};

// All on one loop. Events never run inside a call of the same object.
class ByteStream {
 public:
  virtual ~ByteStream() = default;  // closes without an event
  // Answers with on_open or on_closed. After on_closed it may be opened again.
  virtual void open(std::chrono::milliseconds timeout) = 0;
  // Queues all bytes. A write error shows as on_closed.
  virtual void write(std::span<const std::byte> bytes) = 0;
  // Throws away what arrived and was not delivered yet (serial: tcflush of the input).
  virtual void discard_input() noexcept = 0;
  virtual void close() noexcept = 0;  // no event follows
};

class StreamOpener {
 public:
  virtual ~StreamOpener() = default;
  // `events` and `loop` outlive the stream.
  virtual std::unique_ptr<ByteStream> tcp(TcpEndpoint endpoint, ByteStreamEvents& events,
                                          Loop& loop) = 0;
  // The other side's certificate must be for `endpoint.host`. A failed handshake closes with
  // TlsUntrusted, ClockWrong (it is not valid at this computer's time) or TlsFailed; one that takes
  // too long with DeviceUnreachable.
  virtual std::unique_ptr<ByteStream> tls(TcpEndpoint endpoint, TlsTrust trust,
                                          ByteStreamEvents& events, Loop& loop) = 0;
  virtual std::unique_ptr<ByteStream> serial(SerialSettings settings, ByteStreamEvents& events,
                                             Loop& loop) = 0;
};

}  // namespace hubward
