#include "gateway/control/plant_write.h"

#include <doctest/doctest.h>

using namespace hubward;
using namespace hubward::control;

namespace {

DeviceDescription press() {
  DeviceDescription device;
  device.id = "press";
  TagDescription oil;
  oil.name = "oil";
  TagDescription target;
  target.name = "target";
  target.component = "ram";
  target.writable = true;
  target.write_min = 0;
  target.write_max = 100;
  device.tags = {oil, target};
  return device;
}

Result<PlannedWrite> plan(const char* request) {
  const auto document = json::parse(request);
  REQUIRE(document);
  return plan_write(press(), *document);
}

}  // namespace

TEST_CASE("a write is checked against the tag that it names") {
  const auto fine = plan(R"({"device":"press","component":"ram","tag":"target","value":50})");
  REQUIRE(fine);
  CHECK(fine->tag == TagIndex{1});
  CHECK(fine->value == TagValue(std::int64_t{50}));
  struct Row {
    const char* why;
    const char* request;
    ErrorCode code;
  };
  const Row rows[] = {
      {"no such tag", R"({"device":"press","tag":"x","value":1})", ErrorCode::Malformed},
      {"another component", R"({"device":"press","tag":"target","value":1})", ErrorCode::Malformed},
      {"only read", R"({"device":"press","tag":"oil","value":1})", ErrorCode::NotWritable},
      {"too much", R"({"device":"press","component":"ram","tag":"target","value":101})",
       ErrorCode::OutOfRange},
      {"no value", R"({"device":"press","component":"ram","tag":"target"})", ErrorCode::BadValue},
      {"no scalar", R"({"device":"press","component":"ram","tag":"target","value":[1]})",
       ErrorCode::BadValue},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    const auto planned = plan(row.request);
    REQUIRE_FALSE(planned);
    CHECK(planned.error().code == row.code);
  }
}

TEST_CASE("what became of a write is told as it is") {
  using enum WriteResult::Outcome;
  CHECK(write_json(WriteResult{Written, {}, "read back", TagValue(50.5), true}) ==
        R"({"outcome":"written","verified":true,"detail":"read back","holds":50.5})");
  CHECK(write_json(WriteResult{Written, {}, "", std::nullopt}) ==
        R"({"outcome":"written","verified":false,"detail":""})");
  CHECK(
      write_json(WriteResult{Unknown, ErrorCode::WriteOutcomeUnknown, "no answer", std::nullopt}) ==
      R"({"outcome":"unknown","code":"write_outcome_unknown","detail":"no answer"})");
  CHECK(write_json(WriteResult{Expired, ErrorCode::CommandExpired, "late", std::nullopt}) ==
        R"({"outcome":"expired","code":"command_expired","detail":"late"})");
  CHECK(write_json(Error{ErrorCode::OutOfRange, ErrorKind::Permanent, "at most 100"}) ==
        R"({"outcome":"refused","code":"out_of_range","detail":"at most 100"})");
  CHECK(write_json(Error{ErrorCode::Malformed, ErrorKind::Permanent, "there is none"}) ==
        R"({"error":"there is none"})");
}
