#include "gateway/control/plant_write.h"

#include <algorithm>

#include "gateway/api/failure_words.h"
#include "gateway/control/answers.h"
#include "gateway/device/tag_json.h"
#include "gateway/observe/plain_words.h"

namespace hubward::control {
namespace {

const char* name_of(WriteResult::Outcome outcome) {
  switch (outcome) {
    case WriteResult::Outcome::Written:
      return "written";
    case WriteResult::Outcome::Refused:
      return "refused";
    case WriteResult::Outcome::Expired:
      return "expired";
    case WriteResult::Outcome::Sent:
      return "sent";
    case WriteResult::Outcome::Unknown:
      break;
  }
  return "unknown";
}

}  // namespace

Result<PlannedWrite> plan_write(const DeviceDescription& device, const json::Value& request) {
  const auto text = [&](const char* key) {
    return std::string(json::as_string(json::find(request, key)).value_or("").substr(0, 128));
  };
  const std::string name = text("tag");
  const std::string component = text("component");
  const auto tag = std::ranges::find_if(device.tags, [&](const TagDescription& one) {
    return one.name == name && one.component == component;
  });
  if (tag == device.tags.end()) {
    return failure(ErrorCode::Malformed, ErrorKind::Permanent,
                   observe::shown_text(device.id + " has no tag \"" + name + "\""));
  }
  const json::Value* wanted = json::find(request, "value");
  auto value = device::value_to_write(*tag, wanted != nullptr ? json::to_text(*wanted) : "");
  if (!value) return tl::unexpected(value.error());
  return PlannedWrite{TagIndex{static_cast<std::uint16_t>(tag - device.tags.begin())},
                      std::move(*value)};
}

std::string write_json(const WriteResult& result) {
  std::string out = R"({"outcome":")" + std::string(name_of(result.outcome)) + "\"";
  if (result.outcome == WriteResult::Outcome::Written) {
    out += std::string(",\"verified\":") + (result.verified ? "true" : "false");
  } else if (result.outcome != WriteResult::Outcome::Sent) {
    out += R"(,"code":")" + std::string(words_for(result.code).label) + "\"";
  }
  out += ",\"detail\":";
  device::append_json_string(out, observe::shown_text(result.detail));
  if (result.read_back) {
    out += ",\"holds\":";
    device::append_json(out, *result.read_back);
  }
  return out + "}";
}

std::string write_json(const Error& refusal) {
  if (refusal.code == ErrorCode::Malformed) return error_json(refusal.context);
  return write_json(
      WriteResult{WriteResult::Outcome::Refused, refusal.code, refusal.context, std::nullopt});
}

}  // namespace hubward::control
