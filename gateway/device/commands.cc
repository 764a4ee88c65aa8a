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
  std::string text(words_for(code).meaning);
  if (!detail.empty()) text += " (" + detail + ")";
  return text;
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
  return failure(ErrorCode::NotWritable, ErrorKind::Permanent,
                 "this device has no command \"" + std::string(command.substr(0, 64)) + "\"");
}

CommandAnswer answer_for(const Error& refusal) {
  const auto status = refusal.code == ErrorCode::NotWritable    ? hub::MethodStatus::NotFound
                      : refusal.code == ErrorCode::WritesPaused ? hub::MethodStatus::Conflict
                                                                : hub::MethodStatus::BadRequest;
  return answer(status, "refused", sentence(refusal.code, refusal.context), nullptr);
}

CommandAnswer answer_for(const WriteResult& result, const TagValue& wanted) {
  const TagValue* read_back = result.read_back ? &*result.read_back : nullptr;
  switch (result.outcome) {
    case WriteResult::Outcome::Written:
      return answer(hub::MethodStatus::Done, "written", "The equipment confirmed the value.",
                    read_back != nullptr ? read_back : &wanted);
    case WriteResult::Outcome::Refused:
      return answer(hub::MethodStatus::Failed, "refused", sentence(result.code, result.detail),
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
