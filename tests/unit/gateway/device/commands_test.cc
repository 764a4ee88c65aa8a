#include "gateway/device/commands.h"

#include <doctest/doctest.h>

#include "gateway/api/failure_words.h"

using namespace hubward;
using namespace hubward::device;

namespace {

DeviceDescription press() {
  DeviceDescription device;
  TagDescription lamp;
  lamp.name = "lamp";
  lamp.writable = true;
  TagDescription target;
  target.name = "targetPressure";
  target.component = "hydraulics";
  target.writable = true;
  target.write_min = 0;
  target.write_max = 200;
  TagDescription pressure;
  pressure.name = "pressure";
  device.tags = {lamp, target, pressure};
  return device;
}

}  // namespace

TEST_CASE("a command finds its tag and its value is checked before anything moves") {
  struct Row {
    const char* why;
    std::string_view component, command, payload;
    std::optional<TagValue> value;
    ErrorCode code{};
  };
  const Row rows[] = {
      {"a coil", "", "lamp", "true", TagValue(true)},
      {"a number of a component", "hydraulics", "targetPressure", "190.5", TagValue(190.5)},
      {"the modelled form", "hydraulics", "targetPressure", R"({"value":190})",
       TagValue(std::int64_t{190})},
      {"white space", "", "lamp", "  false ", TagValue(false)},
      {"above the range", "hydraulics", "targetPressure", "200.1", {}, ErrorCode::OutOfRange},
      {"below the range", "hydraulics", "targetPressure", "-1", {}, ErrorCode::OutOfRange},
      {"a text above the range",
       "hydraulics",
       "targetPressure",
       R"("9999")",
       {},
       ErrorCode::BadValue},
      {"a text within the range",
       "hydraulics",
       "targetPressure",
       R"("100")",
       {},
       ErrorCode::BadValue},
      {"a truth value where numbers are bounded",
       "hydraulics",
       "targetPressure",
       "true",
       {},
       ErrorCode::BadValue},
      {"the modelled form of a text",
       "hydraulics",
       "targetPressure",
       R"({"value":"9999"})",
       {},
       ErrorCode::BadValue},
      {"other component", "", "targetPressure", "1", {}, ErrorCode::NotWritable},
      {"not writable", "", "pressure", "1", {}, ErrorCode::NotWritable},
      {"no such tag", "", "reboot", "", {}, ErrorCode::NotWritable},
      {"no value", "", "lamp", "", {}, ErrorCode::BadValue},
      {"an object", "", "lamp", R"({"on":true})", {}, ErrorCode::BadValue},
      {"an array", "", "lamp", "[true]", {}, ErrorCode::BadValue},
      {"null", "", "lamp", "null", {}, ErrorCode::BadValue},
      {"no JSON", "", "lamp", "@", {}, ErrorCode::BadValue},
  };
  const DeviceDescription device = press();
  for (const auto& row : rows) {
    CAPTURE(row.why);
    const auto planned = plan_write(device, row.component, row.command, row.payload);
    CHECK(planned.has_value() == row.value.has_value());
    if (planned && row.value) CHECK(planned->value == *row.value);
    if (!planned) CHECK(planned.error().code == row.code);
  }
}

TEST_CASE(
    "a refusal says what was wrong with this command, and nothing that does not hold for it") {
  struct Row {
    std::string_view command, payload, message;
  };
  const Row rows[] = {
      {"nosuch", "1", R"json("Nothing was written: this device has no command \"nosuch\".")json"},
      {"", "1",
       R"json("Nothing was written: the message names no command (its property method-name).")json"},
      {"pressure", "1", R"json("Nothing was written: pressure is not writable.")json"},
      {"lamp", "",
       R"json("The value does not fit the tag; nothing was written. (lamp takes a single value, and none came with it)")json"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.command);
    const auto planned = plan_write(press(), "", row.command, row.payload);
    REQUIRE_FALSE(planned);
    CHECK(answer_for(planned.error()).body ==
          R"({"result":"refused","message":)" + std::string(row.message) + "}");
  }
}

TEST_CASE("the answer says what really happened, never success by default") {
  const TagValue wanted(true);
  const auto status = [&](WriteResult::Outcome outcome, ErrorCode code) {
    return answer_for(WriteResult{outcome, code, "detail", std::nullopt}, wanted).status;
  };
  CHECK(status(WriteResult::Outcome::Written, {}) == hub::MethodStatus::Done);
  CHECK(status(WriteResult::Outcome::Refused, ErrorCode::WriteRefused) ==
        hub::MethodStatus::Failed);
  CHECK(status(WriteResult::Outcome::Expired, ErrorCode::CommandExpired) ==
        hub::MethodStatus::TimedOut);
  CHECK(status(WriteResult::Outcome::Unknown, ErrorCode::WriteOutcomeUnknown) ==
        hub::MethodStatus::Failed);
  CHECK(status(WriteResult::Outcome::Refused, ErrorCode::WritesPaused) ==
        hub::MethodStatus::Conflict);
  const auto unknown = answer_for(WriteResult{WriteResult::Outcome::Unknown,
                                              ErrorCode::WriteOutcomeUnknown, "", TagValue(false)},
                                  wanted);
  CHECK(unknown.body.find(R"("result":"unknown")") != std::string::npos);
  CHECK(unknown.body.find(R"("value":false)") != std::string::npos);
  // To all units of a line, of which none answers: neither a success nor a failure.
  const auto sent =
      answer_for(WriteResult{WriteResult::Outcome::Sent, {}, "", std::nullopt}, wanted);
  CHECK(sent.status == hub::MethodStatus::Accepted);
  CHECK(sent.body.find(R"("result":"sent")") != std::string::npos);
  CHECK(sent.body.find("\"value\"") == std::string::npos);
  CHECK(answer_for(Error{ErrorCode::NotWritable, ErrorKind::Permanent, ""}).status ==
        hub::MethodStatus::NotFound);
}

TEST_CASE("what the caller can mend is told apart from what the equipment refused") {
  struct Row {
    ErrorCode code;
    hub::MethodStatus status;
  };
  const Row rows[] = {
      {ErrorCode::BadValue, hub::MethodStatus::BadRequest},
      {ErrorCode::OutOfRange, hub::MethodStatus::BadRequest},
      {ErrorCode::NotWritable, hub::MethodStatus::NotFound},
      {ErrorCode::WritesPaused, hub::MethodStatus::Conflict},
      {ErrorCode::LimitExceeded, hub::MethodStatus::Busy},
      {ErrorCode::WriteRefused, hub::MethodStatus::Failed},
      {ErrorCode::BrokerRefused, hub::MethodStatus::Failed},
  };
  for (const auto& row : rows) {
    CAPTURE(words_for(row.code).label);
    // Whether it is noticed before the adapter or in it makes no difference to the caller.
    CHECK(answer_for(Error{row.code, ErrorKind::Permanent, ""}).status == row.status);
    CHECK(answer_for(WriteResult{WriteResult::Outcome::Refused, row.code, "", std::nullopt},
                     TagValue(true))
              .status == row.status);
  }
  const auto answer = answer_for(Error{ErrorCode::BadValue, ErrorKind::Permanent, "a number"});
  CHECK(answer.body.find("The value does not fit the tag; nothing was written. (a number)") !=
        std::string::npos);
}
