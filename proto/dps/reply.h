// What DPS answers on $dps/registrations/res/{status}/?$rid={rid}&retry-after={seconds}
//
//   202  {"operationId":"4.0123.3f0c","status":"assigning"}
//   200  {"operationId":"4.0123.3f0c","status":"assigned","registrationState":{
//         "deviceId":"press-line-07","assignedHub":"iotc-7f3a.azure-devices.net",
//         "substatus":"initialAssignment",...}}
//   200  {"operationId":"","status":"disabled","registrationState":{...}}
//   200  {"status":"failed","registrationState":{"errorCode":400209,"errorMessage":"...",...}}
//   401  {"errorCode":401002,"trackingId":"{guid}","message":"...","timestampUtc":"..."}
//
// Topic status 200 does not mean success: the JSON status decides.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "proto/result.h"
#include "proto/time.h"

namespace hubward::dps {

inline constexpr std::string_view kReplyFilter = "$dps/registrations/res/#";

struct ReplyTopic {
  int status = 0;  // HTTP-like
  std::string rid;
  std::optional<std::chrono::seconds> retry_after;  // at most kMaxRetryAfter
};

// A longer wait than the slowest back-off would park a device because of one wrong number.
inline constexpr std::chrono::seconds kMaxRetryAfter{30 * 60};

// Nothing for a topic that is not DPS's; Malformed for one that is, with something wrong after it.
[[nodiscard]] Result<std::optional<ReplyTopic>> parse_reply_topic(std::string_view topic);

enum class RegistrationStatus : std::uint8_t {
  Absent,
  Unassigned,
  Assigning,
  Assigned,
  Failed,
  Disabled,
  Unknown,
};

// How DPS came to this assignment. The last two mean that the cloud may know nothing any more of
// what the device reported before.
enum class Substatus : std::uint8_t {
  Unknown,
  InitialAssignment,
  DeviceDataMigrated,                // moved, twin copied
  DeviceDataReset,                   // moved, twin rebuilt from the enrollment
  ReprovisionedToInitialAssignment,  // the same hub again
};

// What an answer says about the service's clock. Error replies carry the moment at which they were
// made (`timestampUtc`); a registration state only when it was written last
// (`lastUpdatedDateTimeUtc`, else `createdDateTimeUtc`), which may have been long ago.
struct ServiceTime {
  WallTime at;
  bool is_now = false;  // false: the service's clock has reached `at`, and may be any time after it
  friend bool operator==(const ServiceTime&, const ServiceTime&) = default;
};

struct ReplyBody {
  RegistrationStatus status = RegistrationStatus::Absent;
  std::string operation_id;             // may be empty, notably with `disabled`
  std::string assigned_hub, device_id;  // with `assigned`
  Substatus substatus = Substatus::Unknown;
  std::optional<std::int64_t> error_code;  // 400209, 401002, ...
  std::string message;                     // printable, shortened
  std::string tracking_id;                 // what Azure support asks for
  std::optional<ServiceTime> service_time;
};

// Malformed if it is no JSON object. Members of the wrong type are treated as absent.
[[nodiscard]] Result<ReplyBody> parse_reply_body(std::string_view payload);

}  // namespace hubward::dps
