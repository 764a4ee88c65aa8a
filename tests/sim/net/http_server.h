// A small HTTP/1.1 server for the control side: keep-alive, Content-Length bodies, nothing else.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>

#include "tests/sim/net/event_loop.h"
#include "tests/sim/net/http_handler.h"

namespace hubward::simnet {

class HttpServer : public Watcher {
 public:
  // Loop and handler outlive the server.
  HttpServer(EventLoop& loop, HttpHandler& handler, Descriptor listener);
  ~HttpServer() override;

  void on_ready(std::uint32_t events) override;
  // Takes up the answers that had to wait.
  void collect();
  // Sends answers. Call it when the effects of the requests have been carried out, so that whoever
  // reads "ok" finds the door of a hub already closed or open.
  void flush();

 private:
  class Client;
  void drop(std::uint64_t token);

  EventLoop& loop_;
  HttpHandler& handler_;
  Descriptor listener_;
  std::unordered_map<std::uint64_t, std::unique_ptr<Client>> clients_;
  std::vector<std::uint64_t> unsent_;  // who has something to be sent
  std::uint64_t next_token_ = 1;
};

}  // namespace hubward::simnet
