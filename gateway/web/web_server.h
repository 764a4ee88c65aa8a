// The local page and its interfaces over HTTP/1.1 and WebSocket. Read-only: nothing here changes
// the gateway or the plant.
//
//   /                      the page, from the program itself
//   /api/status            observe::status_json
//   /api/devices/{id}      observe::device_json
//   /api/devices/{id}/why  observe::why_json: the way to its hub, looked at now and then
//   /api/bad-inputs        observe::bad_inputs_json
//   /api/live              WebSocket: observe::LiveFeed's messages, at most four a second
//   /healthz  /metrics     for monitoring
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "gateway/observe/status_board.h"
#include "proto/result.h"

namespace hubward::web {

struct WebSettings {
  std::string address = "127.0.0.1";  // an IP address, or "localhost"
  std::uint16_t port = 8080;          // 0: any free one
  // Names under which browsers reach this computer, besides IP addresses, localhost and its host
  // name. Requests to other names are refused.
  std::vector<std::string> host_names;
  // Empty, or answers from any thread whether the gateway's loops are running: /healthz.
  std::function<bool()> healthy;
  // Empty, or answers /api/devices/{id}/why at once, from any thread: observe::why_json.
  std::function<std::string(DeviceIndex)> why = nullptr;
};

class WebServer {
 public:
  // Each has a reason: a browser uses up to seven connections, a plant has a handful of screens.
  static constexpr unsigned kConnectionsMax = 256;
  static constexpr unsigned kConnectionsPerSourceMax = 64;
  static constexpr std::size_t kHeaderBytesMax = 8192;
  static constexpr std::chrono::seconds kRequestTimeout{
      5};  // for a whole request; checked to twice this
  static constexpr std::chrono::seconds kStallTimeout{30};  // to take anything that is sent
  static constexpr std::chrono::milliseconds kLiveEvery{250};
  static constexpr std::chrono::seconds kLiveHeartbeat{2};

  // `board` outlives the server.
  WebServer(WebSettings settings, const observe::StatusBoard& board);
  ~WebServer();  // stops
  WebServer(const WebServer&) = delete;
  WebServer& operator=(const WebServer&) = delete;

  // Listens and starts the server's thread. Errors: AddressInUse (taken, or not of this computer),
  // ConfigInvalid (not an address). Once.
  [[nodiscard]] Status start();
  // Closes all connections and joins the thread. May be called twice, from any thread but its own.
  void stop() noexcept;
  [[nodiscard]] std::uint16_t port() const;  // after start(): the one listened on

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace hubward::web
