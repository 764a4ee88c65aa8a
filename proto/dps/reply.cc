#include "proto/dps/reply.h"

#include <algorithm>

#include "proto/iso_time.h"
#include "proto/json.h"
#include "proto/percent.h"

namespace hubward::dps {
namespace {

constexpr std::string_view kReplyPrefix = "$dps/registrations/res/";

// DPS refuses messages over 96 KB; its answers are about 1 KB.
constexpr json::Limits kReplyLimits{std::size_t{96} * 1024, 16};

// What people need to recognise a message, and no more of a foreign text than that.
constexpr std::size_t kMaxShownText = 256;

tl::unexpected<Error> malformed(std::string why) {
  return failure(ErrorCode::Malformed, ErrorKind::Corrupt, std::move(why));
}

std::string shown(std::optional<std::string_view> text) {
  std::string result(text.value_or("").substr(0, kMaxShownText));
  std::replace_if(
      result.begin(), result.end(), [](char c) { return c < ' ' || c > '~'; }, ' ');
  return result;
}

std::string text_of(const json::Value& object, std::string_view name) {
  return std::string(json::as_string(json::find(object, name)).value_or(""));
}

std::optional<WallTime> time_of(const json::Value& object, std::string_view name) {
  const auto text = json::as_string(json::find(object, name));
  return text ? parse_iso8601(*text) : std::nullopt;
}

std::optional<ServiceTime> service_time_in(const json::Value& document, const json::Value& state) {
  if (const auto now = time_of(document, "timestampUtc")) return ServiceTime{*now, true};
  auto written = time_of(state, "lastUpdatedDateTimeUtc");
  if (!written) written = time_of(state, "createdDateTimeUtc");
  if (!written) return std::nullopt;
  return ServiceTime{*written, false};
}

RegistrationStatus status_named(std::optional<std::string_view> name) {
  if (!name) return RegistrationStatus::Absent;
  if (name == "unassigned") return RegistrationStatus::Unassigned;
  if (name == "assigning") return RegistrationStatus::Assigning;
  if (name == "assigned") return RegistrationStatus::Assigned;
  if (name == "failed") return RegistrationStatus::Failed;
  if (name == "disabled") return RegistrationStatus::Disabled;
  return RegistrationStatus::Unknown;
}

Substatus substatus_named(std::string_view name) {
  if (name == "initialAssignment") return Substatus::InitialAssignment;
  if (name == "deviceDataMigrated") return Substatus::DeviceDataMigrated;
  if (name == "deviceDataReset") return Substatus::DeviceDataReset;
  if (name == "reprovisionedToInitialAssignment") {
    return Substatus::ReprovisionedToInitialAssignment;
  }
  return Substatus::Unknown;
}

}  // namespace

Result<std::optional<ReplyTopic>> parse_reply_topic(std::string_view topic) {
  if (!topic.starts_with(kReplyPrefix)) return std::optional<ReplyTopic>{};
  topic.remove_prefix(kReplyPrefix.size());
  const auto mark = topic.find("/?");
  const auto status = parse_decimal(topic.substr(0, mark));
  if (mark == std::string_view::npos || !status || *status < 100 || *status > 599) {
    return malformed("DPS answer without a status in its topic");
  }
  const auto query = split_bag(topic.substr(mark + 2));
  if (!query) return tl::unexpected(query.error());
  const auto rid = find_raw(*query, "$rid");
  if (!rid || rid->empty()) return malformed("DPS answer without a request id in its topic");
  ReplyTopic reply{static_cast<int>(*status), std::string(*rid), std::nullopt};
  // A retry-after that cannot be read is treated like none: the caller has a default.
  if (const auto text = find_raw(*query, "retry-after")) {
    if (const auto seconds = parse_decimal(*text)) {
      reply.retry_after =
          std::chrono::seconds{std::min<std::int64_t>(*seconds, kMaxRetryAfter.count())};
    }
  }
  return reply;
}

Result<ReplyBody> parse_reply_body(std::string_view payload) {
  const auto document = json::parse(payload, kReplyLimits);
  if (!document) return tl::unexpected(document.error());
  if (!document->IsObject()) return malformed("DPS answer is no JSON object");
  static const json::Value kNone(rapidjson::kObjectType);
  const json::Value* found = json::find(*document, "registrationState");
  const json::Value& state = found != nullptr && found->IsObject() ? *found : kNone;

  ReplyBody body;
  body.status = status_named(json::as_string(json::find(*document, "status")));
  if (body.status == RegistrationStatus::Absent) {
    body.status = status_named(json::as_string(json::find(state, "status")));
  }
  body.operation_id = text_of(*document, "operationId");
  body.assigned_hub = text_of(state, "assignedHub");
  body.device_id = text_of(state, "deviceId");
  body.substatus = substatus_named(text_of(state, "substatus"));
  body.error_code = json::as_int(json::find(*document, "errorCode"));
  if (!body.error_code) body.error_code = json::as_int(json::find(state, "errorCode"));
  body.message = shown(json::as_string(json::find(*document, "message")));
  if (body.message.empty())
    body.message = shown(json::as_string(json::find(state, "errorMessage")));
  body.tracking_id = shown(json::as_string(json::find(*document, "trackingId")));
  body.service_time = service_time_in(*document, state);
  return body;
}

}  // namespace hubward::dps
