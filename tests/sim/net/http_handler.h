// What stands behind an HTTP control side: requests in, answers out, no sockets.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace hubward::simnet {

struct HttpRequest {
  std::string method;
  std::string path;   // decoded, without query
  std::string query;  // as sent, without '?'
  std::string body;
};

struct HttpResponse {
  int status = 200;
  std::string body;
  std::string content_type = "application/json";
};

// `token` names the asker and is never used twice.
class HttpHandler {
 public:
  virtual ~HttpHandler() = default;
  // Nothing is returned for a request whose answer comes later, from take_finished(), with its
  // token.
  virtual std::optional<HttpResponse> handle(const HttpRequest& request, std::uint64_t token) = 0;
  virtual std::vector<std::pair<std::uint64_t, HttpResponse>> take_finished() { return {}; }
};

}  // namespace hubward::simnet
