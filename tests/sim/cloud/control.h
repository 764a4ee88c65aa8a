// The HTTP control side of the simulated cloud: requests in, answers out, no sockets.
// Every endpoint is described in README.md.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "proto/json.h"
#include "tests/sim/cloud/model.h"
#include "tests/sim/net/http_handler.h"

namespace hubward::simcloud {

using simnet::HttpRequest;
using simnet::HttpResponse;

class Control {
 public:
  // `token` names the asker. Nothing is returned for a direct method: its answer comes later from
  // take_finished() with that token.
  explicit Control(CloudModel& model) : model_(model) {}
  [[nodiscard]] std::optional<HttpResponse> handle(const HttpRequest& request, std::uint64_t token,
                                                   Now now);
  [[nodiscard]] std::vector<std::pair<std::uint64_t, HttpResponse>> take_finished();

 private:
  using Parts = std::vector<std::string_view>;
  HttpResponse route(const HttpRequest& request, const Parts& parts, Now now);
  HttpResponse enroll(const json::Value& body, Now now);
  HttpResponse on_device(Device& device, std::string_view action, const json::Value& body, Now now);
  HttpResponse read_device(const Device& device, std::string_view what, std::string_view query);
  HttpResponse add_fault(const json::Value& body, Now now);
  HttpResponse configure(const json::Value& body, Now now);
  HttpResponse send_c2d(Device& device, const json::Value& body, Now now);

  CloudModel& model_;
  std::map<MethodCallId, std::uint64_t> waiting_;  // call to token
};

// Readable forms of what the model holds (control_views.cc).
[[nodiscard]] std::string view_devices(World& world);
[[nodiscard]] std::string view_device(World& world, const Device& device);
[[nodiscard]] std::string view_messages(World& world, const Device& device, std::uint64_t after,
                                        std::size_t limit);
[[nodiscard]] std::string view_ids(const Device& device);
[[nodiscard]] std::string view_counters(const Device& device);
[[nodiscard]] std::string view_counts(World& world);
[[nodiscard]] std::string view_dps(World& world);
[[nodiscard]] std::string view_faults(World& world);
[[nodiscard]] std::string view_trace(World& world, const Device& device, std::uint64_t after);
[[nodiscard]] std::string plain_trace(World& world, const Device& device, std::uint64_t after);
[[nodiscard]] std::string_view help_text();

}  // namespace hubward::simcloud
