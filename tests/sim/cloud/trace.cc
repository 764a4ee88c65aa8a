#include "tests/sim/cloud/trace.h"

#include <algorithm>

namespace hubward::simcloud {
namespace {

constexpr std::size_t kEntriesMax = 400;       // a device's connect, twin and some telemetry
constexpr std::size_t kPayloadBytesMax = 200;  // enough to recognise a body

// Request ids, operation ids, message ids and times differ from client to client and run to run.
bool is_of_the_moment(std::string_view key) {
  return key == "$rid" || key == "operationId" || key.ends_with(".mid") || key.ends_with(".ctime");
}

std::string without_values_of_the_moment(std::string_view topic) {
  // The pairs begin after the last slash, or after the question mark that follows it.
  std::size_t at = topic.rfind('/') + 1;
  if (at < topic.size() && topic[at] == '?') ++at;
  std::string out(topic.substr(0, at));
  while (at < topic.size()) {
    const std::size_t end = std::min(topic.find('&', at), topic.size());
    const std::string_view pair = topic.substr(at, end - at);
    const std::size_t equals = pair.find('=');
    const bool hide = equals != std::string_view::npos && is_of_the_moment(pair.substr(0, equals));
    out.append(hide ? pair.substr(0, equals + 1) : pair);
    if (hide) out += '*';
    if (end < topic.size()) out += '&';
    at = end + 1;
  }
  return out;
}

std::string qos_text(mqtt::Qos qos) { return " qos" + std::to_string(static_cast<int>(qos)); }

struct Describe {
  std::string operator()(const mqtt::Connect& packet) const {
    std::string text = "client=" + packet.client_id + " user=" + packet.user_name.value_or("-") +
                       (packet.password ? " password" : " no-password") +
                       " keepalive=" + std::to_string(packet.keep_alive.count()) +
                       (packet.clean_session ? " clean" : " persistent");
    if (packet.will) text += " will=" + packet.will->topic;
    return text;
  }
  std::string operator()(const mqtt::Connack& packet) const {
    return "code=" + std::to_string(packet.return_code) +
           (packet.session_present ? " session-present" : "");
  }
  std::string operator()(const mqtt::Publish& packet) const {
    return without_values_of_the_moment(packet.topic) + qos_text(packet.qos) +
           (packet.retain ? " retain" : "") + (packet.duplicate ? " dup" : "");
  }
  std::string operator()(const mqtt::Subscribe& packet) const {
    std::string text;
    for (const auto& item : packet.subscriptions) {
      text += (text.empty() ? "" : ", ") + item.filter + qos_text(item.qos);
    }
    return text;
  }
  std::string operator()(const mqtt::Suback& packet) const {
    std::string text;
    for (const auto code : packet.return_codes) {
      text += (text.empty() ? "" : " ") + std::to_string(code);
    }
    return text;
  }
  std::string operator()(const mqtt::Unsubscribe& packet) const {
    std::string text;
    for (const auto& filter : packet.filters) text += (text.empty() ? "" : ", ") + filter;
    return text;
  }
  template <class Other>
  std::string operator()(const Other&) const {
    return {};
  }
};

}  // namespace

void Trace::add(ConnectionId connection, Place place, WallTime at, bool from_device,
                const mqtt::Packet& packet) {
  if (!kept_) return;
  TraceEntry entry{.connection = connection,
                   .place = place,
                   .at = at,
                   .from_device = from_device,
                   .what = std::string(mqtt::name_of(packet)),
                   .detail = std::visit(Describe{}, packet),
                   .payload = {}};
  if (const auto* publish = std::get_if<mqtt::Publish>(&packet)) {
    entry.payload = publish->payload.substr(0, kPayloadBytesMax);
  }
  push(std::move(entry));
}

void Trace::add_end(ConnectionId connection, Place place, WallTime at, bool from_device,
                    std::string reason) {
  if (!kept_) return;
  push({.connection = connection,
        .place = place,
        .at = at,
        .from_device = from_device,
        .what = from_device ? "DROP" : "CLOSE",
        .detail = std::move(reason),
        .payload = {}});
}

void Trace::push(TraceEntry entry) {
  entry.number = ++count_;
  entries_.push_back(std::move(entry));
  if (entries_.size() > kEntriesMax) entries_.pop_front();
}

}  // namespace hubward::simcloud
