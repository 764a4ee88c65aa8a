// Answers to direct methods: $iothub/methods/res/{status}/?$rid={rid}, body JSON or empty.
// The caller waits 30 s in IoT Central, 5 to 300 s elsewhere; a later answer is lost.
#pragma once

#include <string>
#include <string_view>

namespace hubward::hub {

// Payload of a method, each way. Source: Azure IoT Hub, "Direct methods".
inline constexpr std::size_t kMaxMethodBytes = std::size_t{128} * 1024;

// HTTP-like codes that hubward answers with.
enum class MethodStatus : int {
  Done = 200,
  // Takes longer, and the result follows as a property named like the command; or it was sent to
  // all units of a line, of which none confirms it.
  Accepted = 202,
  BadRequest = 400,
  NotFound = 404,  // no such command
  Conflict = 409,  // writes are paused
  Failed = 500,    // the equipment refused, or the outcome is unknown
  Busy = 503,
  TimedOut = 504,  // the equipment did not answer
};

struct MethodResponse {
  std::string topic;
  std::string payload;
};

// `rid` goes back verbatim; `body` is JSON text or empty; one over kMaxMethodBytes is replaced
// by status 500 and words, so that the caller hears something.
[[nodiscard]] MethodResponse method_response(std::string_view rid, MethodStatus status,
                                             std::string_view body);

// {"message":"..."} for people.
[[nodiscard]] std::string message_json(std::string_view message);

}  // namespace hubward::hub
