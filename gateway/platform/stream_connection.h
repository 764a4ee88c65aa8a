// One opening of a byte stream, until it closes.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "gateway/api/byte_stream.h"
#include "gateway/platform/socket_watch.h"

namespace hubward::platform {

class AsioLoop;

// On the loop. Owned by its stream and, for the length of an event, by itself: an event may drop
// the stream. What is common to TCP and serial; those know how to open and what to do at the end.
class StreamConnection : public SocketEvents,
                         public std::enable_shared_from_this<StreamConnection> {
 public:
  // What may wait to be written. Requests to equipment are a few hundred bytes: more means that it
  // stopped reading.
  static constexpr std::size_t kUnsentBytesMax = 64 * 1024;
  static constexpr std::size_t kReadBytes = 4096;

  StreamConnection(ByteStreamEvents& events, AsioLoop& loop) : events_(&events), loop_(loop) {}
  virtual ~StreamConnection();
  StreamConnection(const StreamConnection&) = delete;
  StreamConnection& operator=(const StreamConnection&) = delete;

  virtual void start(std::chrono::milliseconds timeout) = 0;  // no event inside
  virtual void discard_input() noexcept = 0;
  void write(std::span<const std::byte> bytes);
  void drop() noexcept;  // closes; no event

  void on_ready(Ready ready) final;

 protected:
  // As write(2) does; what has no reader any more is an error, never a signal.
  virtual ssize_t put(std::span<const std::byte> bytes);
  // Called before the descriptor is closed.
  virtual void before_close(int /*descriptor*/) noexcept {}
  // While not open yet: the descriptor that was given to watch() is writable or broken.
  virtual void on_connecting() {}

  // Takes the descriptor; false: it cannot be watched (errno), and is closed.
  bool watch(int descriptor, bool connecting);
  void unwatch() noexcept;  // closes it
  void opened();            // on_open
  void fail(ErrorCode code, std::string why);
  [[nodiscard]] int descriptor() const { return descriptor_; }
  [[nodiscard]] AsioLoop& loop() const { return loop_; }
  [[nodiscard]] bool is_dropped() const { return events_ == nullptr; }
  void set_deadline(std::chrono::nanoseconds from_now, std::function<void()> expired);

 private:
  void read_some();
  void write_some();
  void lose(int error);

  ByteStreamEvents* events_;  // null: dropped or ended
  AsioLoop& loop_;
  int descriptor_ = -1;
  WatchId watch_;
  TimerId deadline_;
  bool open_ = false;
  std::vector<std::byte> unsent_;
};

[[nodiscard]] std::shared_ptr<StreamConnection> make_serial_connection(SerialSettings settings,
                                                                       ByteStreamEvents& events,
                                                                       AsioLoop& loop);
class Resolver;
[[nodiscard]] std::shared_ptr<StreamConnection> make_tcp_connection(TcpEndpoint endpoint,
                                                                    ByteStreamEvents& events,
                                                                    AsioLoop& loop,
                                                                    Resolver& resolver);

}  // namespace hubward::platform
