// Byte streams that a test plays the other end of. Nothing happens by itself: the test opens them,
// sends bytes and closes them, and sees what was written.
#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "gateway/api/byte_stream.h"

namespace hubward::test {

// What the test sees of one stream. Outlives the stream itself.
struct StreamScript {
  std::variant<TcpEndpoint, SerialSettings> where;
  std::optional<TlsTrust> trust;  // of a TLS stream
  ByteStreamEvents* events = nullptr;
  enum class State { Closed, Opening, Open, Destroyed } state = State::Closed;
  int opens = 0;  // calls of open()
  std::vector<std::byte> written;
  int discards = 0;

  void accept() {
    state = State::Open;
    events->on_open();
  }
  void send(std::span<const std::byte> bytes) { events->on_bytes(bytes); }
  void send(std::string_view text) { send(std::as_bytes(std::span(text))); }
  // Not opened, or open no more.
  void fail(ErrorCode code = ErrorCode::PortLost, std::string context = {}) {
    state = State::Closed;
    events->on_closed({code, ErrorKind::Transient, std::move(context)});
  }
  std::vector<std::byte> take_written() { return std::exchange(written, {}); }
};

class ScriptedStream final : public ByteStream {
 public:
  explicit ScriptedStream(StreamScript& script) : script_(script) {}
  ~ScriptedStream() override { script_.state = StreamScript::State::Destroyed; }
  void open(std::chrono::milliseconds) override {
    ++script_.opens;
    script_.state = StreamScript::State::Opening;
  }
  void write(std::span<const std::byte> bytes) override {
    script_.written.insert(script_.written.end(), bytes.begin(), bytes.end());
  }
  void discard_input() noexcept override { ++script_.discards; }
  void close() noexcept override { script_.state = StreamScript::State::Closed; }

 private:
  StreamScript& script_;
};

class ScriptedStreams final : public StreamOpener {
 public:
  std::unique_ptr<ByteStream> tcp(TcpEndpoint endpoint, ByteStreamEvents& events, Loop&) override {
    return add(std::move(endpoint), events);
  }
  std::unique_ptr<ByteStream> tls(TcpEndpoint endpoint, TlsTrust trust, ByteStreamEvents& events,
                                  Loop&) override {
    auto stream = add(std::move(endpoint), events);
    scripts_.back()->trust = std::move(trust);
    return stream;
  }
  std::unique_ptr<ByteStream> serial(SerialSettings settings, ByteStreamEvents& events,
                                     Loop&) override {
    return add(std::move(settings), events);
  }

  [[nodiscard]] std::size_t size() const { return scripts_.size(); }
  StreamScript& operator[](std::size_t place) { return *scripts_.at(place); }

 private:
  std::unique_ptr<ByteStream> add(std::variant<TcpEndpoint, SerialSettings> where,
                                  ByteStreamEvents& events) {
    scripts_.push_back(std::make_unique<StreamScript>());
    scripts_.back()->where = std::move(where);
    scripts_.back()->events = &events;
    return std::make_unique<ScriptedStream>(*scripts_.back());
  }
  std::vector<std::unique_ptr<StreamScript>> scripts_;
};

}  // namespace hubward::test
