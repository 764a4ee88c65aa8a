#include "tests/sim/cloud/control.h"

#include "proto/base64.h"
#include "proto/iso_time.h"
#include "proto/percent.h"
#include "tests/sim/net/json_text.h"

namespace hubward::simcloud {
namespace {

using simnet::JsonText;

// `at` is when it happened, by the cloud's clock.
HttpResponse ok(Now now) {
  return {
      .status = 200,
      .body =
          JsonText().object().add("ok", true).add("at", to_iso8601(now.wall)).end_object().text()};
}

HttpResponse refused(int status, std::string_view why) {
  return {.status = status, .body = JsonText().object().add("error", why).end_object().text()};
}

HttpResponse answer(const Status& status, Now now) {
  return status ? ok(now) : refused(400, status.error().context);
}

std::string text_member(const json::Value& body, std::string_view name,
                        std::string_view otherwise = {}) {
  return std::string(json::as_string(json::find(body, name)).value_or(otherwise));
}

std::int64_t number_member(const json::Value& body, std::string_view name, std::int64_t otherwise) {
  return json::as_int(json::find(body, name)).value_or(otherwise);
}

bool truth_member(const json::Value& body, std::string_view name, bool otherwise) {
  return json::as_bool(json::find(body, name)).value_or(otherwise);
}

std::optional<std::chrono::milliseconds> time_to_live(const json::Value& body) {
  const auto seconds = json::as_double(json::find(body, "ttl_s"));
  if (!seconds) return std::nullopt;
  return std::chrono::milliseconds(static_cast<std::int64_t>(*seconds * 1000));
}

std::uint64_t query_number(std::string_view query, std::string_view name, std::uint64_t otherwise) {
  const auto pairs = split_bag(query);
  const auto raw = pairs ? find_raw(*pairs, name) : std::nullopt;
  const auto number = raw ? parse_decimal(*raw) : std::nullopt;
  return number ? static_cast<std::uint64_t>(*number) : otherwise;
}

std::string query_text(std::string_view query, std::string_view name) {
  const auto pairs = split_bag(query);
  const auto raw = pairs ? find_raw(*pairs, name) : std::nullopt;
  return raw ? percent_decode(*raw).value_or("") : std::string();
}

std::vector<std::string_view> split_path(std::string_view path) {
  std::vector<std::string_view> parts;
  while (!path.empty()) {
    const std::size_t slash = path.find('/');
    if (slash != 0) parts.push_back(path.substr(0, slash));
    path = slash == std::string_view::npos ? std::string_view{} : path.substr(slash + 1);
  }
  return parts;
}

}  // namespace

std::optional<HttpResponse> Control::handle(const HttpRequest& request, std::uint64_t token,
                                            Now now) {
  const Parts parts = split_path(request.path);
  if (request.method == "POST" && parts.size() == 3 && parts[0] == "devices" &&
      parts[2] == "method") {
    Device* device = model_.world().find_device(parts[1]);
    const auto body = json::parse(request.body);
    if (device == nullptr) return refused(404, "no such device");
    if (!body) return refused(400, body.error().context);
    const json::Value* payload = json::find(*body, "payload");
    const auto call = model_.hubs().call_method(
        *device, text_member(*body, "name"), payload ? json::to_text(*payload) : std::string(),
        std::chrono::milliseconds(number_member(*body, "timeout_ms", 30'000)), now);
    waiting_[call] = token;
    return std::nullopt;
  }
  return route(request, parts, now);
}

std::vector<std::pair<std::uint64_t, HttpResponse>> Control::take_finished() {
  std::vector<std::pair<std::uint64_t, HttpResponse>> finished;
  for (const auto& result : model_.hubs().take_method_results()) {
    const auto asker = waiting_.find(result.call);
    if (asker == waiting_.end()) continue;
    JsonText out;
    out.object().add("answered", result.answered).add("status", result.status).key("payload");
    if (json::parse(result.payload)) {
      out.raw(result.payload);
    } else {
      out.null();
      if (!result.payload.empty()) out.add("text", result.payload);
    }
    if (!result.answered) {
      out.add("error", result.status == 404 ? "404103: device offline or not subscribed"
                                            : "504101: no answer in time");
    }
    finished.emplace_back(asker->second, HttpResponse{.body = out.end_object().text()});
    waiting_.erase(asker);
  }
  return finished;
}

HttpResponse Control::route(const HttpRequest& request, const Parts& parts, Now now) {
  World& world = model_.world();
  const bool get = request.method == "GET";
  const bool post = request.method == "POST";
  const bool remove = request.method == "DELETE";
  const std::string_view first = parts.empty() ? std::string_view{} : parts[0];
  auto body = json::parse(request.body.empty() ? "{}" : std::string_view(request.body));
  if (!body) return refused(400, body.error().context);
  if (parts.empty() && get) {
    return {.body = std::string(help_text()), .content_type = "text/plain; charset=utf-8"};
  }
  if (first == "enroll" && post) return enroll(*body, now);
  if (first == "enrollments" && post && parts.size() == 3) {
    if (parts[2] != "disable" && parts[2] != "enable") return refused(404, "disable or enable");
    return answer(model_.disable_enrollment(parts[1], parts[2] == "disable"), now);
  }
  if (first == "devices" && get && parts.size() == 1) return {.body = view_devices(world)};
  if (first == "devices" && parts.size() >= 2) {
    Device* device = world.find_device(parts[1]);
    if (device == nullptr) return refused(404, "no such device");
    const std::string_view what = parts.size() > 2 ? parts[2] : std::string_view{};
    if (get) return read_device(*device, what, request.query);
    if (post) return on_device(*device, what, *body, now);
  }
  if (first == "hubs" && post && parts.size() == 3 && parts[2] == "failover") {
    const auto from = world.place_named(parts[1]);
    const auto to = world.place_named(text_member(*body, "to"));
    if (!from || *from == kDps) return refused(404, "no such hub");
    const std::uint64_t moved = model_.fail_over_hub(*from, to, time_to_live(*body), now);
    return {.body = JsonText()
                        .object()
                        .add("moved", moved)
                        .add("at", to_iso8601(now.wall))
                        .end_object()
                        .text()};
  }
  if (first == "counts" && get) return {.body = view_counts(world)};
  if (first == "dps" && get) return {.body = view_dps(world)};
  if (first == "faults" && get) return {.body = view_faults(world)};
  if (first == "faults" && post) return add_fault(*body, now);
  if (first == "faults" && remove && parts.size() == 1) {
    model_.clear_faults(now);
    return ok(now);
  }
  if (first == "faults" && remove) {
    const auto id = parse_decimal(parts[1]);
    const bool found = id && model_.remove_fault(static_cast<std::uint64_t>(*id), now);
    return found ? ok(now) : refused(404, "no such fault");
  }
  if (first == "config" && post) return configure(*body, now);
  if (first == "trace") {
    Device* device = world.find_device(query_text(request.query, "device"));
    if (device == nullptr) return refused(404, "no such device");
    if (remove) {
      device->trace.clear();
      return ok(now);
    }
    const std::uint64_t after = query_number(request.query, "after", 0);
    if (query_number(request.query, "plain", 0) == 0) {
      return {.body = view_trace(world, *device, after)};
    }
    return {.body = plain_trace(world, *device, after), .content_type = "text/plain"};
  }
  return refused(404, "no such endpoint: GET / lists them");
}

HttpResponse Control::enroll(const json::Value& body, Now now) {
  World& world = model_.world();
  Enrollment enrollment;
  enrollment.group = truth_member(body, "group", false);
  enrollment.name = text_member(body, "registrationId", text_member(body, "name"));
  enrollment.device_id = text_member(body, "deviceId");
  enrollment.assigned = truth_member(body, "assigned", false);
  for (const char* name : {"key", "secondaryKey"}) {
    std::string text = text_member(body, name);
    if (text.empty() && enrollment.keys.empty()) {
      const std::string chance = world.random_hex(32);
      text = base64_encode(std::as_bytes(std::span(chance)));
    }
    if (text.empty()) continue;
    auto key = base64_decode(text);
    if (!key) return refused(400, std::string(name) + ": not base64");
    enrollment.keys.push_back(std::move(*key));
  }
  if (const auto* hubs = json::find(body, "hubs"); hubs != nullptr && hubs->IsArray()) {
    for (const auto& hub : hubs->GetArray()) {
      const auto place = world.place_named(json::as_string(&hub).value_or(""));
      if (!place) return refused(400, "no such hub");
      enrollment.hubs.push_back(*place);
    }
  }
  if (enrollment.hubs.empty()) enrollment.hubs.push_back(1);
  const std::string policy = text_member(body, "policy", "migrate");
  if (policy != "migrate" && policy != "reset" && policy != "never") {
    return refused(400, "policy is migrate, reset or never");
  }
  enrollment.policy = policy == "migrate" ? Reprovision::Migrate
                      : policy == "reset" ? Reprovision::Reset
                                          : Reprovision::Never;
  if (const auto polls = json::as_int(json::find(body, "polls"))) {
    enrollment.polls = static_cast<unsigned>(std::max<std::int64_t>(*polls, 0));
  }
  if (const auto* desired = json::find(body, "desired"))
    enrollment.desired = json::to_text(*desired);
  JsonText out;
  out.object()
      .add("name", enrollment.name)
      .add("group", enrollment.group)
      .add("id_scope", world.config.id_scope)
      .add("key", base64_encode(enrollment.keys.front()))
      .end_object();
  if (auto status = model_.enroll(std::move(enrollment), now); !status) return answer(status, now);
  return {.body = out.text()};
}

HttpResponse Control::read_device(const Device& device, std::string_view what,
                                  std::string_view query) {
  World& world = model_.world();
  if (what.empty()) return {.body = view_device(world, device)};
  if (what == "messages") {
    return {.body = view_messages(world, device, query_number(query, "after", 0),
                                  query_number(query, "limit", 1000))};
  }
  if (what == "ids") return {.body = view_ids(device)};
  if (what == "counters") return {.body = view_counters(device)};
  if (what == "twin") return {.body = device.twin.to_text()};
  return refused(404, "no such endpoint: GET / lists them");
}

HttpResponse Control::on_device(Device& device, std::string_view action, const json::Value& body,
                                Now now) {
  if (action == "failover") {
    const auto to = model_.world().place_named(text_member(body, "to"));
    if (!to) return refused(400, "\"to\" names no hub");
    return answer(model_.fail_over(device.id, *to, time_to_live(body), now), now);
  }
  if (action == "disable") {
    return answer(model_.disable(device.id, truth_member(body, "until_registered", false), now),
                  now);
  }
  if (action == "enable") return answer(model_.enable(device.id), now);
  if (action == "delete") return answer(model_.remove_identity(device.id, now), now);
  if (action == "block") return answer(model_.block(device.id, true, now), now);
  if (action == "unblock") return answer(model_.block(device.id, false, now), now);
  if (action == "drop") return answer(model_.drop(device.id, now), now);
  if (action == "c2d") return send_c2d(device, body, now);
  if (action == "twin") {
    const auto version = model_.hubs().patch_desired(device, json::to_text(body), now);
    if (!version) return refused(400, version.error().context);
    return {.body = JsonText().object().add("version", *version).end_object().text()};
  }
  return refused(404, "no such endpoint: GET / lists them");
}

HttpResponse Control::send_c2d(Device& device, const json::Value& body, Now now) {
  std::string bag;
  if (const auto* properties = json::find(body, "properties");
      properties != nullptr && properties->IsObject()) {
    for (const auto& member : properties->GetObject()) {
      if (!bag.empty()) bag += '&';
      bag += percent_encode({member.name.GetString(), member.name.GetStringLength()});
      if (const auto value = json::as_string(&member.value)) bag += '=' + percent_encode(*value);
    }
  }
  const json::Value* message = json::find(body, "body");
  std::string text = text_member(body, "text");
  if (message != nullptr) text = json::to_text(*message);
  const auto number =
      model_.hubs().send_c2d(device, std::move(bag), std::move(text),
                             std::chrono::seconds(number_member(body, "ttl_s", 3600)), now);
  if (!number) return refused(400, number.error().context);
  return {.body = JsonText().object().add("number", *number).end_object().text()};
}

HttpResponse Control::add_fault(const json::Value& body, Now now) {
  const auto kind = fault_kind(text_member(body, "kind"));
  if (!kind) return refused(400, "unknown kind of fault");
  Fault fault{.kind = *kind};
  const std::string target =
      text_member(body, "target", *kind == FaultKind::DpsAnswer ? "dps" : "");
  if (!target.empty()) {
    fault.place = model_.world().place_named(target);
    if (!fault.place) return refused(400, "\"target\" is dps or the name of a hub");
  }
  fault.device = text_member(body, "device");
  fault.code = static_cast<int>(number_member(body, "code", 0));
  fault.error_code = number_member(body, "error_code", fault.code * 1000);
  fault.delay = std::chrono::milliseconds(number_member(body, "delay_ms", 0));
  fault.retry_after = std::chrono::seconds(number_member(body, "retry_after_s", 0));
  fault.text = text_member(body, *kind == FaultKind::DpsAnswer ? "status" : "text");
  fault.per_second = json::as_double(json::find(body, "per_s")).value_or(0);
  fault.close_excess = text_member(body, "over") == "close";
  fault.record = truth_member(body, "record", true);
  fault.at_poll = text_member(body, "at") == "poll";
  fault.after =
      static_cast<std::uint64_t>(std::max<std::int64_t>(number_member(body, "after", 0), 0));
  if (const auto times = json::as_int(json::find(body, "times"))) {
    if (*times < 1) return refused(400, "\"times\" starts at 1");
    fault.times = static_cast<std::uint64_t>(*times);
  }
  const bool rate = *kind == FaultKind::ConnectRate || *kind == FaultKind::SendRate;
  if (rate && fault.per_second <= 0) return refused(400, "\"per_s\" must be above 0");
  if (*kind == FaultKind::Poison && fault.text.empty()) return refused(400, "\"text\" is missing");
  if (*kind == FaultKind::Connack && (fault.code < 1 || fault.code > 255)) {
    return refused(400, "\"code\" is 1 to 255");
  }
  if (*kind == FaultKind::DpsAnswer && fault.text.empty() && fault.code < 400) {
    return refused(400, "\"code\" is 400 or above, or \"status\" is failed or disabled");
  }
  const std::uint64_t id = model_.add_fault(std::move(fault), now);
  return {.body = JsonText().object().add("id", id).end_object().text()};
}

HttpResponse Control::configure(const json::Value& body, Now now) {
  World& world = model_.world();
  if (const auto grace = json::as_int(json::find(body, "token_grace_s"))) {
    world.token_grace = std::chrono::seconds(*grace);
  }
  if (const auto* life = json::find(body, "token_lifetime_max_s")) {
    world.token_lifetime_max.reset();
    if (const auto seconds = json::as_int(life)) {
      world.token_lifetime_max = std::chrono::seconds(*seconds);
    }
  }
  if (const auto offset = json::as_int(json::find(body, "clock_offset_ms"))) {
    world.clock_offset = std::chrono::milliseconds(*offset);
  }
  model_.hubs().watch_tokens(now);
  return ok(now);
}

}  // namespace hubward::simcloud
