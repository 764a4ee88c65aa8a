#include "proto/hub/inbound.h"

#include <limits>

namespace hubward::hub {
namespace {

constexpr std::string_view kMethods = "$iothub/methods/POST/";
constexpr std::string_view kTwinResponses = "$iothub/twin/res/";
constexpr std::string_view kDesired = "$iothub/twin/PATCH/properties/desired/";

// Request ids seen are GUIDs and counters; a longer one would be echoed into our own topic.
constexpr std::size_t kMaxRidLength = 256;

tl::unexpected<Error> malformed(std::string why) {
  return failure(ErrorCode::Malformed, ErrorKind::Corrupt, std::move(why));
}

// "{head}/?{query}" apart.
struct HeadAndQuery {
  std::string_view head, query;
};
std::optional<HeadAndQuery> split_query(std::string_view rest) {
  const auto mark = rest.find("/?");
  if (mark == std::string_view::npos) return std::nullopt;
  return HeadAndQuery{rest.substr(0, mark), rest.substr(mark + 2)};
}

Result<std::string> take_rid(const std::vector<RawPair>& query) {
  const auto rid = find_raw(query, "$rid");
  if (!rid || rid->empty()) return malformed("no request id in the topic");
  if (rid->size() > kMaxRidLength) {
    return failure(ErrorCode::LimitExceeded, ErrorKind::Corrupt, "request id too long");
  }
  return std::string(*rid);
}

Result<Inbound> parse_method(std::string_view rest) {
  const auto parts = split_query(rest);
  if (!parts || parts->head.empty() || parts->head.find('/') != std::string_view::npos) {
    return malformed("method topic without a name or request id");
  }
  const auto query = split_bag(parts->query);
  if (!query) return tl::unexpected(query.error());
  auto rid = take_rid(*query);
  if (!rid) return tl::unexpected(rid.error());
  auto name = percent_decode(parts->head);
  if (!name) return tl::unexpected(name.error());
  const auto command = split_command_name(*name);
  return DirectMethodRequest{*name, std::string(command.component), std::string(command.command),
                             std::move(*rid)};
}

Result<Inbound> parse_twin_response(std::string_view rest) {
  const auto parts = split_query(rest);
  const auto status = parts ? parse_decimal(parts->head) : std::nullopt;
  if (!status || *status < 100 || *status > 599) return malformed("twin reply without a status");
  const auto query = split_bag(parts->query);
  if (!query) return tl::unexpected(query.error());
  auto rid = take_rid(*query);
  if (!rid) return tl::unexpected(rid.error());
  TwinResponse response{static_cast<int>(*status), std::move(*rid), std::nullopt};
  if (const auto version = find_raw(*query, "$version")) {
    response.version = parse_decimal(*version);
    if (!response.version) return malformed("twin reply whose version is no number");
  }
  return response;
}

Result<Inbound> parse_desired(std::string_view rest) {
  if (!rest.starts_with('?')) return malformed("desired properties without a version");
  const auto query = split_bag(rest.substr(1));
  if (!query) return tl::unexpected(query.error());
  const auto text = find_raw(*query, "$version");
  const auto version = text ? parse_decimal(*text) : std::nullopt;
  if (!version) return malformed("desired properties without a version");
  return DesiredPatch{*version};
}

// The rest behind "devices/{id}/messages/devicebound/", if the topic is of that form.
std::optional<std::string_view> devicebound_bag(std::string_view device_id,
                                                std::string_view topic) {
  for (const std::string_view part :
       {std::string_view("devices/"), device_id, std::string_view("/messages/devicebound/")}) {
    if (!topic.starts_with(part)) return std::nullopt;
    topic.remove_prefix(part.size());
  }
  return topic;
}

}  // namespace

std::optional<std::string_view> CloudToDevice::property(std::string_view name) const {
  for (const auto& pair : properties) {
    if (pair.key == name && pair.value) return std::string_view(*pair.value);
  }
  return std::nullopt;
}

CommandName split_command_name(std::string_view name) {
  const auto star = name.find('*');
  if (star == std::string_view::npos) return {{}, name};
  return {name.substr(0, star), name.substr(star + 1)};
}

Result<Inbound> parse_inbound(std::string_view device_id, std::string_view topic) {
  if (topic.starts_with(kMethods)) return parse_method(topic.substr(kMethods.size()));
  if (topic.starts_with(kTwinResponses)) {
    return parse_twin_response(topic.substr(kTwinResponses.size()));
  }
  if (topic.starts_with(kDesired)) return parse_desired(topic.substr(kDesired.size()));
  if (const auto bag = devicebound_bag(device_id, topic)) {
    auto properties = parse_bag(*bag);
    if (!properties) return tl::unexpected(properties.error());
    return CloudToDevice{std::move(*properties)};
  }
  return NotMine{};
}

}  // namespace hubward::hub
