#include "tests/sim/proxy/control.h"

#include "proto/percent.h"
#include "tests/sim/net/json_text.h"
#include "tests/sim/proxy/connection.h"

namespace hubward::simproxy {
namespace {

using simnet::HttpRequest;
using simnet::HttpResponse;
using simnet::JsonText;

constexpr std::string_view kHelp =
    "GET  /                    this list\n"
    "GET  /targets             what stands behind what, and counts\n"
    "GET  /connections         the open ones\n"
    "POST /rules               {\"kind\":..} makes a rule and answers its id\n"
    "GET  /rules               those in force\n"
    "DELETE /rules[/{id}]      ends one, or all\n";

HttpResponse refused(int status, std::string_view why) {
  return {.status = status, .body = JsonText().object().add("error", why).end_object().text()};
}

HttpResponse ok() { return {.body = JsonText().object().add("ok", true).end_object().text()}; }

std::int64_t milliseconds_since(SteadyTime then, SteadyTime now) {
  return std::chrono::duration_cast<std::chrono::milliseconds>(now - then).count();
}

std::string in_words(const Address& address) {
  return address.host + ":" + std::to_string(address.port);
}

}  // namespace

std::optional<HttpResponse> Control::handle(const HttpRequest& request, std::uint64_t) {
  const std::string_view path = request.path;
  if (path == "/rules") return on_rules(request, {});
  if (path.starts_with("/rules/")) return on_rules(request, path.substr(sizeof "/rules"));
  if (request.method != "GET") return refused(404, "see GET /");
  if (path == "/") return HttpResponse{.body = std::string(kHelp), .content_type = "text/plain"};
  if (path == "/targets") return HttpResponse{.body = view_targets()};
  if (path == "/connections") return HttpResponse{.body = view_connections()};
  return refused(404, "see GET /");
}

HttpResponse Control::on_rules(const HttpRequest& request, std::string_view id) {
  if (request.method == "GET" && id.empty()) return {.body = view_rules()};
  if (request.method == "POST" && id.empty()) return add_rule(request);
  if (request.method != "DELETE") return refused(404, "see GET /");
  if (id.empty()) {
    rules_.clear();
  } else {
    const auto number = parse_decimal(id);
    if (!number || !rules_.remove(static_cast<RuleId>(*number))) {
      return refused(404, "no such rule");
    }
  }
  relay_.apply_rules();
  return ok();
}

HttpResponse Control::add_rule(const HttpRequest& request) {
  const auto body = json::parse(request.body);
  if (!body) return refused(400, body.error().context);
  auto rule = parse_rule(*body, relay_.target_names());
  if (!rule) return refused(400, rule.error().context);
  const RuleId id = rules_.add(std::move(*rule), relay_.next_connection(), read_clock());
  relay_.apply_rules();
  return {.body = JsonText().object().add("id", id).end_object().text()};
}

std::string Control::view_rules() const {
  const SteadyTime now = read_clock();
  JsonText out;
  out.object().key("rules").array();
  for (const auto& [id, entry] : rules_.rules()) {
    out.object()
        .add("id", id)
        .add("kind", name_of(entry.rule.kind))
        .add("target", std::string_view(entry.rule.target))
        .add("direction", entry.rule.direction ? name_of(*entry.rule.direction) : "both")
        .add("age_ms", milliseconds_since(entry.since, now))
        .add("connections", static_cast<std::uint64_t>(entry.taken.size()))
        .end_object();
  }
  return out.end_array().end_object().text();
}

std::string Control::view_targets() const {
  JsonText out;
  out.object().key("targets").array();
  for (const auto& [target, is_open, counts] : relay_.targets()) {
    out.object()
        .add("name", std::string_view(target.name))
        .add("listens_on", std::string_view(in_words(target.listen)))
        .add("upstream", std::string_view(in_words(target.upstream)))
        .add("listening", is_open)
        .add("accepted", counts.accepted)
        .add("open", counts.open)
        .add("cut", counts.cut)
        .add("not_reached", counts.not_reached)
        .add("bytes_up", counts.bytes_up)
        .add("bytes_down", counts.bytes_down)
        .add("swallowed_up", counts.swallowed_up)
        .add("swallowed_down", counts.swallowed_down)
        .end_object();
  }
  return out.end_array().end_object().text();
}

std::string Control::view_connections() const {
  const SteadyTime now = read_clock();
  JsonText out;
  out.object().key("connections").array();
  for (const auto& view : relay_.connections()) {
    out.object()
        .add("id", view.id)
        .add("target", view.target)
        .add("client_port", std::int64_t{view.client_port})
        .add("age_ms", milliseconds_since(view.since, now))
        .add("hanging", view.hanging);
    for (const auto& [name, lane] : {std::pair("up", view.up), std::pair("down", view.down)}) {
      out.key(name)
          .object()
          .add("passed", lane->passed())
          .add("held", static_cast<std::uint64_t>(lane->held()))
          .add("swallowed", lane->swallowed())
          .end_object();
    }
    out.end_object();
  }
  return out.end_array().end_object().text();
}

}  // namespace hubward::simproxy
