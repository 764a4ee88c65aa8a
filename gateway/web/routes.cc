#include "gateway/web/routes.h"

#include <utility>

#include "gateway/observe/metrics_text.h"
#include "gateway/observe/status_json.h"
#include "gateway/web/page_assets.h"

namespace hubward::web {
namespace {

constexpr std::string_view kJson = "application/json; charset=utf-8";
constexpr std::string_view kDevicePrefix = "/api/devices/";
constexpr std::string_view kWhySuffix = "/why";

Reply json_reply(std::shared_ptr<const std::string> body) {
  Reply reply;
  reply.content_type = kJson;
  reply.body = std::move(body);
  return reply;
}

}  // namespace

std::vector<HeaderField> header_fields(const Reply& reply) {
  const bool page = !reply.embedded.empty();
  const std::size_t size = page ? reply.embedded.size() : reply.body ? reply.body->size() : 0;
  std::vector<HeaderField> fields{
      {"content-type:", std::string(reply.content_type)},
      {"content-length:", std::to_string(size)},
      // One request a connection: fewer states for a hostile client to play with.
      {"connection:", "close"},
      {"cache-control:", reply.etag.empty() ? "no-store" : "no-cache"},
      {"etag:", std::string(reply.etag)},
      {"content-encoding:", page ? "gzip" : ""},
      {"allow:", reply.status == 405 ? "GET" : ""},
      {"content-security-policy:",
       "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; "
       "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"},
      {"x-content-type-options:", "nosniff"},
      {"x-frame-options:", "DENY"},
      {"referrer-policy:", "no-referrer"},
      {"cross-origin-resource-policy:", "same-origin"},
      {"cross-origin-opener-policy:", "same-origin"},
  };
  std::erase_if(fields, [](const HeaderField& field) { return field.value.empty(); });
  return fields;
}

Reply text_reply(unsigned status, std::string text) {
  Reply reply;
  reply.status = status;
  reply.body = std::make_shared<const std::string>(std::move(text));
  return reply;
}

Routes::Routes(const observe::StatusBoard& board, std::function<bool()> healthy,
               std::function<std::string(DeviceIndex)> why)
    : board_(board), healthy_(std::move(healthy)), why_(std::move(why)) {}

template <class Make>
std::shared_ptr<const std::string> Routes::reused(Cached& cached, Make make) {
  const SteadyTime now = board_.clock().steady();
  if (!cached.body || now - cached.made >= kReuse) {
    cached = {std::make_shared<const std::string>(make(board_)), now};
  }
  return cached.body;
}

Reply Routes::answer(const Request& request) {
  for (const PageAsset& asset : page_assets()) {
    if (asset.path != request.path) continue;
    Reply reply;
    reply.content_type = asset.content_type;
    reply.etag = asset.etag;
    if (request.if_none_match == asset.etag) {
      reply.status = 304;
    } else {
      reply.embedded = asset.gzip;
    }
    return reply;
  }
  if (request.path == "/api/status") return json_reply(reused(status_, observe::status_json));
  if (request.path == "/api/bad-inputs") {
    return json_reply(reused(bad_inputs_, observe::bad_inputs_json));
  }
  if (request.path == "/metrics") {
    Reply reply;
    reply.content_type = "text/plain; version=0.0.4; charset=utf-8";
    reply.body = reused(metrics_, observe::metrics_text);
    return reply;
  }
  if (request.path == "/healthz") {
    // An unreachable cloud is not ill health: a restart would not bring it back.
    const bool healthy = !healthy_ || healthy_();
    return text_reply(healthy ? 200 : 503, healthy ? "ok\n" : "an event loop is stuck\n");
  }
  if (request.path.starts_with(kDevicePrefix)) {
    std::string_view id = request.path.substr(kDevicePrefix.size());
    const bool why = why_ && id.ends_with(kWhySuffix);
    if (why) id.remove_suffix(kWhySuffix.size());
    const auto device = board_.find(id);
    if (!device) return text_reply(404, "There is no device with this id.\n");
    if (why) return json_reply(std::make_shared<const std::string>(why_(*device)));
    return json_reply(std::make_shared<const std::string>(observe::device_json(board_, *device)));
  }
  return text_reply(404, "There is nothing here.\n");
}

}  // namespace hubward::web
