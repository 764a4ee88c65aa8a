#include "gateway/device/commands.h"

#include "gateway/api/failure_words.h"
#include "gateway/device/tag_json.h"

namespace hubward::device {
namespace {

CommandAnswer answer(hub::MethodStatus status, std::string_view result, std::string_view message,
                     const TagValue* value) {
  std::string body = "{\"result\":";
  append_json_string(body, result);
  body += ",\"message\":";
  append_json_string(body, message);
  if (value != nullptr) {
    body += ",\"value\":";
    append_json(body, *value);
  }
  body += '}';
  return {status, std::move(body)};
}

std::string sentence(ErrorCode code, const std::string& detail) {
  // The table does not know what there was too much of, or which name is no tag's, and its words
  // for a bad value speak of one that came from the equipment.
  if ((code == ErrorCode::LimitExceeded || code == ErrorCode::NotWritable) && !detail.empty())
    return "Nothing was written: " + detail + ".";
  std::string text(code == ErrorCode::BadValue
                       ? "The value does not fit the tag; nothing was written."
                       : words_for(code).meaning);
  if (!detail.empty()) text += " (" + detail + ")";
  return text;
}

// What the caller can mend is not the equipment's failure.
hub::MethodStatus refusal_status(ErrorCode code) {
  switch (code) {
    case ErrorCode::BadValue:
    case ErrorCode::OutOfRange:
      return hub::MethodStatus::BadRequest;
    case ErrorCode::NotWritable:
      return hub::MethodStatus::NotFound;
    case ErrorCode::WritesPaused:
      return hub::MethodStatus::Conflict;
    case ErrorCode::LimitExceeded:
    case ErrorCode::Stopped:
      return hub::MethodStatus::Busy;
    default:
      return hub::MethodStatus::Failed;
  }
}

}  // namespace

Result<PlannedWrite> plan_write(const DeviceDescription& device, std::string_view component,
                                std::string_view command, std::string_view payload) {
  for (std::size_t i = 0; i < device.tags.size(); ++i) {
    const TagDescription& tag = device.tags[i];
    if (tag.name != command || tag.component != component) continue;
    auto value = value_to_write(tag, payload);
    if (!value) return tl::unexpected(value.error());
    return PlannedWrite{TagIndex{static_cast<std::uint16_t>(i)}, std::move(*value)};
  }
  if (command.empty())
    return failure(ErrorCode::NotWritable, ErrorKind::Permanent,
                   "the message names no command (its property method-name)");
  return failure(ErrorCode::NotWritable, ErrorKind::Permanent,
                 "this device has no command \"" + std::string(command.substr(0, 64)) + "\"");
}

CommandAnswer answer_for(const Error& refusal) {
  return answer(refusal_status(refusal.code), "refused", sentence(refusal.code, refusal.context),
                nullptr);
}

CommandAnswer answer_for(const WriteResult& result, const TagValue& wanted) {
  const TagValue* read_back = result.read_back ? &*result.read_back : nullptr;
  switch (result.outcome) {
    case WriteResult::Outcome::Written:
      return answer(hub::MethodStatus::Done, "written",
                    "The equipment confirmed the value" +
                        (result.detail.empty() ? "." : " (" + result.detail + ")."),
                    read_back != nullptr ? read_back : &wanted);
    case WriteResult::Outcome::Sent:
      return answer(hub::MethodStatus::Accepted, "sent",
                    "The value was sent to all units of the line; nobody confirms it.", nullptr);
    case WriteResult::Outcome::Refused:
      return answer(refusal_status(result.code), "refused", sentence(result.code, result.detail),
                    read_back);
    case WriteResult::Outcome::Expired:
      return answer(hub::MethodStatus::TimedOut, "expired", sentence(result.code, result.detail),
                    read_back);
    case WriteResult::Outcome::Unknown:
      break;
  }
  return answer(hub::MethodStatus::Failed, "unknown", sentence(result.code, result.detail),
                read_back);
}

}  // namespace hubward::device
