#include "proto/dps/connect.h"

#include <doctest/doctest.h>

#include <string>

using namespace hubward;

TEST_CASE("the CONNECT to DPS names scope, registration and version") {
  const auto fields = dps::dps_connect("0ne00AB12CD", "press-line-07", "hubward/0.1");
  CHECK(fields.client_id == "press-line-07");
  CHECK(fields.user_name ==
        "0ne00AB12CD/registrations/press-line-07/api-version=2019-03-31"
        "&ClientVersion=hubward%2F0.1");
  CHECK(fields.clean_session);
  CHECK(dps::dps_connect("s", "r", "").user_name == "s/registrations/r/api-version=2019-03-31");
}

TEST_CASE("registration ids that every part of Azure takes are accepted") {
  for (const std::string& id : {std::string("press-line-07"), std::string("7"), std::string("a--b"),
                                std::string(64, 'x')}) {
    CAPTURE(id);
    CHECK(dps::check_registration_id(id));
  }
}

TEST_CASE("other registration ids are refused with the reason") {
  struct Row {
    std::string id;
    const char* says;
  };
  const Row rows[] = {
      {"", "empty"},
      {std::string(65, 'x'), "65 characters"},
      {"Press-07", "capital letter P"},
      {"press.07", "only the letters"},
      {"press_07", "only the letters"},
      {"press 07", "only the letters"},
      {"pr\xc3\xa4zise", "only the letters"},
      {"-press", "begin and end"},
      {"press-", "begin and end"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.id);
    const auto status = dps::check_registration_id(row.id);
    REQUIRE_FALSE(status);
    CHECK(status.error().code == ErrorCode::ConfigInvalid);
    CHECK(status.error().context.find(row.says) != std::string::npos);
  }
}
