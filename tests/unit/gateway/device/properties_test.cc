#include "gateway/device/properties.h"

#include <doctest/doctest.h>

using namespace hubward;
using namespace hubward::device;

namespace {

DeviceDescription press() {
  DeviceDescription device;
  TagDescription serial;
  serial.name = "serialNumber";
  serial.as = TagDescription::As::Property;
  TagDescription target;
  target.name = "targetPressure";
  target.component = "hydraulics";
  target.writable = true;
  target.write_max = 200;
  target.as = TagDescription::As::Property;
  TagDescription pressure;
  pressure.name = "pressure";
  device.tags = {serial, target, pressure};
  return device;
}

TagReading good(std::uint16_t tag, TagValue value) {
  return {TagIndex{tag}, std::move(value), Quality::Good, {}};
}

hub::Twin twin(std::string_view body) {
  const std::vector<std::string> components{"hydraulics"};
  auto parsed = hub::parse_twin(body, components);
  REQUIRE(parsed);
  return std::move(*parsed);
}

Wish patched(Properties& properties, std::string value, std::int64_t version) {
  auto wishes = properties.on_patch(
      {version, {{"hydraulics", "targetPressure", std::move(value), version, {}}}});
  REQUIRE(wishes.size() == 1);
  return std::move(wishes[0]);
}

}  // namespace

TEST_CASE("a property is reported when it changes, and only then") {
  const DeviceDescription device = press();
  Properties properties(device);
  properties.on_reading(good(0, std::string("A17")));
  properties.on_reading(good(2, 1.0));  // telemetry
  CHECK(properties.take_report() == R"({"serialNumber":"A17"})");
  properties.report_accepted();
  properties.on_reading(good(0, std::string("A17")));
  CHECK_FALSE(properties.take_report());
  properties.on_reading(good(1, 100.0));
  CHECK(properties.take_report() ==
        R"({"hydraulics":{"__t":"c","targetPressure":{"value":100,"ac":203,"av":0}}})");
}

TEST_CASE(
    "a wish that was made while the device was away for long is refused, where that is asked") {
  using namespace std::chrono_literals;
  DeviceDescription device = press();
  device.tags[1].wish_age_max = 60s;
  Properties properties(device);
  const auto wishing = [](int value, int version) {
    return twin(R"({"desired":{"hydraulics":{"targetPressure":)" + std::to_string(value) +
                R"(},"$version":)" + std::to_string(version) + R"(},"reported":{"$version":1}})");
  };
  // The first twin of a run: nobody knows how old.
  CHECK(properties.on_twin(wishing(190, 7), SteadyTime{10s}).empty());
  CHECK(properties.take_report() ==
        R"({"hydraulics":{"__t":"c","targetPressure":{"value":190,"ac":400,"av":7,)"
        R"("ad":"not written: it was set while the device was away; set it again"}}})");
  properties.report_accepted();
  properties.on_away(SteadyTime{100s});
  CHECK(properties.on_twin(wishing(180, 8), SteadyTime{160s}).size() == 1);
  properties.on_away(SteadyTime{200s});
  CHECK(properties.on_twin(wishing(170, 9), SteadyTime{261s}).empty());
  // What comes while we listen is new.
  CHECK(properties.on_patch({10, {{"hydraulics", "targetPressure", "160", 10, {}}}}).size() == 1);
}

TEST_CASE("a wish is written once and answered with what came of it") {
  const DeviceDescription device = press();
  Properties properties(device);
  const auto wishes = properties.on_twin(
      twin(
          R"({"desired":{"hydraulics":{"targetPressure":190},"$version":7},"reported":{"$version":1}})"),
      {});
  REQUIRE(wishes.size() == 1);
  CHECK(wishes[0].tag == TagIndex{1});
  CHECK(wishes[0].value == TagValue(std::int64_t{190}));
  CHECK_FALSE(properties.take_report());
  properties.on_written(wishes[0], {WriteResult::Outcome::Written, {}, {}, std::nullopt});
  CHECK(
      properties.take_report() ==
      R"({"hydraulics":{"__t":"c","targetPressure":{"value":190,"ac":200,"av":7,"ad":"written"}}})");
  properties.report_accepted();
  // The next connect fetches the same twin: nothing to do.
  CHECK(properties
            .on_twin(twin(R"({"desired":{"hydraulics":{"targetPressure":190},"$version":7},)"
                          R"("reported":{"$version":2}})"),
                     {})
            .empty());
}

TEST_CASE("an old setpoint is not written again because another property changed or we restarted") {
  const DeviceDescription device = press();
  Properties restarted(device);
  CHECK(restarted
            .on_twin(
                twin(R"({"desired":{"hydraulics":{"targetPressure":190},"other":1,"$version":9},)"
                     R"("reported":{"hydraulics":{"__t":"c","targetPressure":)"
                     R"({"value":190,"ac":200,"av":7}},"$version":3}})"),
                {})
            .empty());
  // A refusal that was answered for this very version stays answered too.
  Properties again(device);
  CHECK(again
            .on_twin(twin(R"({"desired":{"hydraulics":{"targetPressure":300},"$version":9},)"
                          R"("reported":{"hydraulics":{"__t":"c","targetPressure":)"
                          R"({"value":190,"ac":400,"av":9}},"$version":3}})"),
                     {})
            .empty());
}

TEST_CASE("what cannot be written is refused at once, with the reason and the actual value") {
  const DeviceDescription device = press();
  Properties properties(device);
  properties.on_reading(good(1, 100.0));
  (void)properties.take_report();
  properties.report_accepted();
  CHECK(properties
            .on_patch({8,
                       {{"hydraulics", "targetPressure", "300", 8, std::nullopt},
                        {"", "unknownThing", "1", 8, std::nullopt},
                        {"hydraulics", "targetPressure", "null", 8, std::nullopt}}})
            .empty());
  const auto report = properties.take_report();
  REQUIRE(report);
  CHECK(report->find(R"("value":100,"ac":400,"av":8)") != std::string::npos);
  CHECK(report->find("no more than 200") != std::string::npos);
}

TEST_CASE("an unknown outcome is reported as failed, with what was read back") {
  const DeviceDescription device = press();
  Properties properties(device);
  const auto wish = patched(properties, "190", 7);
  properties.on_written(wish, {WriteResult::Outcome::Unknown, ErrorCode::WriteOutcomeUnknown, "",
                               TagValue(std::int64_t{100})});
  const auto report = properties.take_report();
  REQUIRE(report);
  CHECK(report->find(R"("value":100,"ac":500,"av":7)") != std::string::npos);
}

TEST_CASE("a wish that was sent to all units of a line stays under way, with the value last read") {
  const DeviceDescription device = press();
  Properties properties(device);
  properties.on_written(patched(properties, "190", 7),
                        {WriteResult::Outcome::Written, {}, {}, TagValue(std::int64_t{100})});
  (void)properties.take_report();
  properties.report_accepted();
  properties.on_written(patched(properties, "200", 8),
                        {WriteResult::Outcome::Sent, {}, "", std::nullopt});
  const auto report = properties.take_report();
  REQUIRE(report);
  CHECK(report->find(R"("value":100,"ac":202,"av":8)") != std::string::npos);
  CHECK(report->find("nobody confirms it") != std::string::npos);
}

TEST_CASE("a wish that the tag's type cannot hold is rejected, not failed") {
  const DeviceDescription device = press();
  Properties properties(device);
  const Wish wish = patched(properties, "190", 7);
  properties.on_written(wish, {WriteResult::Outcome::Refused, ErrorCode::BadValue,
                               "a number is needed", std::nullopt});
  const auto report = properties.take_report();
  REQUIRE(report);
  CHECK(report->find(R"("ac":400,"av":7)") != std::string::npos);
}

TEST_CASE("a report that did not get through is part of the next one, newer values win") {
  const DeviceDescription device = press();
  Properties properties(device);
  properties.on_reading(good(0, std::string("A17")));
  CHECK(properties.take_report());
  CHECK_FALSE(properties.take_report());  // one at a time
  properties.on_reading(good(0, std::string("A18")));
  properties.report_failed();
  CHECK(properties.take_report() == R"({"serialNumber":"A18"})");
  properties.report_failed();
  CHECK(properties.has_report());
  CHECK(properties.take_report() == R"({"serialNumber":"A18"})");
  properties.report_refused();
  CHECK_FALSE(properties.take_report());
}

TEST_CASE("a new value of the plant changes nothing about what became of the wish") {
  const DeviceDescription device = press();
  const auto wish_of = [&](Properties& properties, const char* value) {
    return properties.on_twin(
        twin(R"({"desired":{"hydraulics":{"targetPressure":)" + std::string(value) +
             R"(},"$version":7},"reported":{"$version":1}})"),
        {});
  };
  const auto report_after = [](Properties& properties) {
    while (properties.take_report()) properties.report_accepted();
    properties.on_reading(good(1, 101.0));
    return properties.take_report().value_or("");
  };

  Properties refused(device);
  CHECK(wish_of(refused, "900").empty());  // over the tag's maximum
  CHECK(report_after(refused).find(R"("value":101,"ac":400,"av":7)") != std::string::npos);

  Properties failed(device);
  auto wishes = wish_of(failed, "190");
  REQUIRE(wishes.size() == 1);
  failed.on_written(
      wishes[0], {WriteResult::Outcome::Unknown, ErrorCode::WriteOutcomeUnknown, {}, std::nullopt});
  CHECK(report_after(failed).find(R"("value":101,"ac":500,"av":7)") != std::string::npos);

  Properties under_way(device);
  CHECK(wish_of(under_way, "190").size() == 1);
  CHECK(report_after(under_way).find(R"("value":101,"ac":202,"av":7)") != std::string::npos);

  Properties done(device);
  wishes = wish_of(done, "190");
  REQUIRE(wishes.size() == 1);
  done.on_written(wishes[0], {WriteResult::Outcome::Written, {}, {}, std::nullopt});
  CHECK(report_after(done).find(R"("value":101,"ac":200,"av":7)") != std::string::npos);
}

TEST_CASE("a twin that begins again at version 1 has new wishes, whatever was answered before") {
  const DeviceDescription device = press();
  Properties properties(device);
  const auto wishes = properties.on_twin(
      twin(
          R"({"desired":{"hydraulics":{"targetPressure":190},"$version":12},"reported":{"$version":1}})"),
      {});
  REQUIRE(wishes.size() == 1);
  properties.on_written(wishes[0], {WriteResult::Outcome::Written, {}, {}, std::nullopt});
  CHECK(
      properties
          .on_twin(
              twin(
                  R"({"desired":{"hydraulics":{"targetPressure":150},"$version":1},"reported":{"$version":1}})"),
              {})
          .size() == 1);
  CHECK(properties.on_patch({2, {{"hydraulics", "targetPressure", "140", 2, {}}}}).size() == 1);
}

TEST_CASE("a wish that an earlier run answered stays answered when the plant's value moves") {
  const DeviceDescription device = press();
  Properties restarted(device);
  CHECK(restarted
            .on_twin(twin(R"({"desired":{"hydraulics":{"targetPressure":190},"$version":7},)"
                          R"("reported":{"hydraulics":{"__t":"c","targetPressure":)"
                          R"({"value":190,"ac":200,"av":7,"ad":"written"}},"$version":3}})"),
                     {})
            .empty());
  restarted.on_reading(good(1, 150.0));
  const auto report = restarted.take_report();
  REQUIRE(report);
  CHECK(report->find(R"("value":150,"ac":200,"av":7)") != std::string::npos);
}

namespace {

// A desired document as it is fetched: `reported` is the text of our entry in it, or empty.
hub::Twin fetched(const std::string& value, int version, const std::string& reported = {}) {
  const std::string entry =
      reported.empty() ? "" : R"("hydraulics":{"__t":"c","targetPressure":)" + reported + "},";
  return twin(R"({"desired":{"hydraulics":{"targetPressure":)" + value +
              R"(},"other":1,"$version":)" + std::to_string(version) + R"(},"reported":{)" + entry +
              R"("$version":3}})");
}

// The next run of hubward: it knows what the one before remembered.
struct NextRun {
  NextRun(const DeviceDescription& device, Properties& before) : properties(device) {
    properties.answers().restore(before.answers().all());
  }
  Properties properties;
};

WriteResult result(WriteResult::Outcome outcome, ErrorCode code = {}) {
  return {outcome, code, {}, std::nullopt};
}

}  // namespace

TEST_CASE("no wish is written by the next run because something else was changed") {
  const DeviceDescription device = press();
  struct Row {
    const char* why;
    const char* wish;
    std::optional<WriteResult> result;
    const char* reported;  // what the twin has of it; the plant was at 100
  };
  const Row rows[] = {
      {"failed", "190", result(WriteResult::Outcome::Unknown, ErrorCode::WriteOutcomeUnknown),
       R"({"value":100,"ac":500,"av":7,"ad":"Outcome of the write unknown"})"},
      {"refused by the device", "190", result(WriteResult::Outcome::Refused, ErrorCode::DeviceBusy),
       R"({"value":100,"ac":500,"av":7,"ad":"busy"})"},
      {"refused by us", "900", std::nullopt, R"({"value":100,"ac":400,"av":7,"ad":"too much"})"},
      {"sent to all", "190", result(WriteResult::Outcome::Sent),
       R"({"value":100,"ac":202,"av":7,"ad":"sent"})"},
      {"done, and moved at the machine since", "190", result(WriteResult::Outcome::Written),
       R"({"value":100,"ac":200,"av":7,"ad":"written"})"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    Properties morning(device);
    const auto wishes = morning.on_twin(fetched(row.wish, 7), {});
    REQUIRE(wishes.size() == (row.result ? 1 : 0));
    if (row.result) morning.on_written(wishes[0], *row.result);

    NextRun night(device, morning);
    CHECK(night.properties.on_twin(fetched(row.wish, 9, row.reported), {}).empty());
    CHECK_FALSE(night.properties.has_report());
    // Nor by a later connect, nor by the run after.
    CHECK(night.properties.on_twin(fetched(row.wish, 11, row.reported), {}).empty());
    NextRun day(device, night.properties);
    CHECK(day.properties.on_twin(fetched(row.wish, 12, row.reported), {}).empty());
    // Another value is a new wish.
    CHECK(day.properties.on_twin(fetched("170", 13, row.reported), {}).size() == 1);
  }
}

TEST_CASE("a wish that was not written because hubward stops is a new one for the next run") {
  const DeviceDescription device = press();
  for (const auto outcome : {WriteResult::Outcome::Refused, WriteResult::Outcome::Expired}) {
    Properties stopping(device);
    const auto wishes = stopping.on_twin(fetched("190", 7), {});
    REQUIRE(wishes.size() == 1);
    stopping.on_written(wishes[0], result(outcome, ErrorCode::Stopped));
    CHECK_FALSE(stopping.has_report());  // an answer is what it has not got

    for (const char* reported : {
             "", R"({"value":100,"ac":203,"av":0})",
             R"({"value":100,"ac":202,"av":7})",                  // it was under way for a while
             R"({"value":190,"ac":500,"av":5,"ad":"no answer"})"  // wished before, and failed
         }) {
      CAPTURE(reported);
      NextRun next(device, stopping);
      CHECK(next.properties.on_twin(fetched("190", 9, reported), {}).size() == 1);
      NextRun gone(device, stopping);
      CHECK(gone.properties.on_twin(fetched("170", 9, reported), {}).size() == 1);
    }
  }
}

TEST_CASE("after a stop a wish stays as it is where it may have been written, or was answered") {
  const DeviceDescription device = press();
  for (const auto& outcome : {result(WriteResult::Outcome::Unknown, ErrorCode::Stopped),
                              result(WriteResult::Outcome::Refused, ErrorCode::WritesPaused)}) {
    Properties before(device);
    const auto wishes = before.on_twin(fetched("190", 7), {});
    REQUIRE(wishes.size() == 1);
    before.on_written(wishes[0], outcome);
    CHECK(before.has_report());
    NextRun next(device, before);
    CHECK(next.properties.on_twin(fetched("190", 7), {}).empty());
  }
  // What was answered by somebody who took our place meanwhile, is answered.
  Properties stopped(device);
  const auto wishes = stopped.on_twin(fetched("190", 7), {});
  REQUIRE(wishes.size() == 1);
  stopped.on_written(wishes[0], result(WriteResult::Outcome::Refused, ErrorCode::Stopped));
  NextRun next(device, stopped);
  CHECK(next.properties.on_twin(fetched("190", 9, R"({"value":190,"ac":200,"av":8})"), {}).empty());
}

TEST_CASE("what stops after it was replaced takes nothing from the newer wish") {
  const DeviceDescription device = press();
  Properties properties(device);
  const Wish first = patched(properties, "150", 7);
  const Wish second = patched(properties, "160", 8);
  properties.on_written(second, result(WriteResult::Outcome::Written));
  properties.on_written(first, result(WriteResult::Outcome::Expired, ErrorCode::Stopped));
  NextRun next(device, properties);
  CHECK(next.properties.on_twin(fetched("160", 8), {}).empty());
}

TEST_CASE("a wish that waits is under way for the cloud, and tried again unless it was replaced") {
  const DeviceDescription device = press();
  Properties properties(device);
  const Wish wish = patched(properties, "190", 7);
  properties.on_waiting(wish, "the port is not open");
  const auto report = properties.take_report();
  REQUIRE(report);
  CHECK(report->find(R"("ac":202,"av":7,"ad":"not written yet: the port is not open")") !=
        std::string::npos);
  // Whatever ends this run now: it was not written.
  NextRun next(device, properties);
  CHECK(next.properties.on_twin(fetched("190", 7, R"({"value":100,"ac":202,"av":7})"), {}).size() ==
        1);

  REQUIRE(properties.try_again(wish));
  CHECK_FALSE(properties.try_again(wish));
  NextRun died(device, properties);  // while it was being written
  CHECK(died.properties.on_twin(fetched("190", 7, R"({"value":100,"ac":202,"av":7})"), {}).empty());

  properties.on_waiting(wish, "");
  (void)patched(properties, "180", 8);
  CHECK_FALSE(properties.try_again(wish));
  const Wish withdrawn = patched(properties, "170", 9);
  properties.on_waiting(withdrawn, "");
  CHECK(properties.on_patch({10, {{"hydraulics", "targetPressure", "null", 10, {}}}}).empty());
  CHECK_FALSE(properties.try_again(withdrawn));
}

TEST_CASE("a component that is withdrawn as a whole takes its answers along") {
  const DeviceDescription device = press();
  Properties properties(device);
  properties.on_written(patched(properties, "190", 7), result(WriteResult::Outcome::Written));
  (void)properties.take_report();
  properties.report_accepted();
  CHECK(properties.on_patch({8, {{"", "hydraulics", "null", 8, {}}}}).empty());
  properties.on_reading(good(1, 100.0));
  const auto report = properties.take_report();
  REQUIRE(report);
  CHECK(report->find(R"("value":100,"ac":203,"av":0)") != std::string::npos);
  properties.report_accepted();
  // Wished again while we were away it is a new wish, although it is the same.
  CHECK(properties.on_twin(fetched("190", 9, R"({"value":100,"ac":203,"av":0})"), {}).size() == 1);
}

TEST_CASE("an answer that the twin does not have is given again, with the same words") {
  const DeviceDescription device = press();
  Properties killed(device);
  const auto wishes = killed.on_twin(fetched("190", 7, R"({"value":100,"ac":203,"av":0})"), {});
  REQUIRE(wishes.size() == 1);
  SUBCASE("a failure, with the value that was reported before") {
    killed.on_written(wishes[0], result(WriteResult::Outcome::Expired, ErrorCode::DeviceBusy));
    NextRun next(device, killed);
    CHECK(
        next.properties.on_twin(fetched("190", 9, R"({"value":100,"ac":203,"av":0})"), {}).empty());
    const auto report = next.properties.take_report().value_or("");
    CHECK(report.find(R"("value":100,"ac":500,"av":7,"ad":")") != std::string::npos);
    next.properties.report_accepted();
    CHECK(
        next.properties.on_twin(fetched("190", 9, R"({"value":100,"ac":500,"av":7})"), {}).empty());
    CHECK_FALSE(next.properties.has_report());
  }
  SUBCASE("a success, with the value that was written") {
    killed.on_written(wishes[0], result(WriteResult::Outcome::Written));
    NextRun next(device, killed);
    CHECK(next.properties.on_twin(fetched("190", 9), {}).empty());
    const auto report = next.properties.take_report().value_or("");
    CHECK(report.find(R"("value":190,"ac":200,"av":7,"ad":"written")") != std::string::npos);
  }
}

TEST_CASE(
    "a wish that was being written when hubward died is not repeated; its outcome is unknown") {
  const DeviceDescription device = press();
  Properties killed(device);
  REQUIRE(killed.on_twin(fetched("190", 7), {}).size() == 1);
  NextRun next(device, killed);
  CHECK(next.properties.on_twin(fetched("190", 7), {}).empty());
  const auto report = next.properties.take_report().value_or("");
  CHECK(report.find(R"("ac":500,"av":7,"ad":"Outcome of the write unknown)") != std::string::npos);
  next.properties.report_accepted();
  // What the plant says stands beside it.
  next.properties.on_reading(good(1, 190.0));
  CHECK(next.properties.take_report().value_or("").find(R"("value":190,"ac":500,"av":7)") !=
        std::string::npos);

  // An answer that reached the cloud just before the end is the better one.
  NextRun heard(device, killed);
  const char* const done = R"({"value":190,"ac":200,"av":7,"ad":"written"})";
  CHECK(heard.properties.on_twin(fetched("190", 7, done), {}).empty());
  CHECK_FALSE(heard.properties.has_report());
  heard.properties.on_reading(good(1, 185.0));
  CHECK(heard.properties.take_report().value_or("").find(R"("value":185,"ac":200,"av":7)") !=
        std::string::npos);
}

TEST_CASE(
    "a wish that is written while the link comes back is neither repeated nor answered early") {
  const DeviceDescription device = press();
  Properties properties(device);
  const auto wishes = properties.on_twin(fetched("190", 7), {});
  REQUIRE(wishes.size() == 1);
  CHECK(properties.on_twin(fetched("190", 9), {}).empty());
  CHECK_FALSE(properties.has_report());
  properties.on_written(wishes[0], result(WriteResult::Outcome::Written));
  CHECK(properties.take_report().value_or("").find(R"("ac":200,"av":7)") != std::string::npos);
}

TEST_CASE("a twin that was made anew or is another hub's has new wishes") {
  const DeviceDescription device = press();
  for (const bool restarted : {false, true}) {
    CAPTURE(restarted);
    // The wish failed at version 12 of the first twin.
    const auto on = [&](const char* link, auto check) {
      Properties first(device);
      first.answers().on_link("hub-a.example/press-07");
      const auto wishes = first.on_twin(fetched("190", 12), {});
      REQUIRE(wishes.size() == 1);
      first.on_written(wishes[0], result(WriteResult::Outcome::Unknown));
      NextRun next(device, first);
      Properties& run = restarted ? next.properties : first;
      run.answers().on_link(link);
      check(run);
    };
    // The version is lower: the same wish was made once more.
    on("hub-a.example/press-07", [](Properties& run) {
      CHECK(run.on_twin(fetched("190", 1), {}).size() == 1);
      // From here on it is the twin that we know.
      CHECK(run.on_twin(fetched("190", 1), {}).empty());
      CHECK(run.on_twin(fetched("190", 2), {}).empty());
      CHECK(run.on_patch({3, {{"hydraulics", "targetPressure", "190", 3, {}}}}).size() == 1);
    });
    // The hub is another one, whatever its version.
    on("hub-b.example/press-07", [](Properties& run) {
      CHECK(run.on_twin(fetched("190", 20), {}).size() == 1);
      CHECK(run.on_twin(fetched("190", 21), {}).empty());
    });
    // The twin was carried over, and our answer with it.
    on("hub-b.example/press-07", [](Properties& run) {
      const char* const reported = R"({"value":100,"ac":500,"av":12})";
      CHECK(run.on_twin(fetched("190", 1, reported), {}).empty());
      CHECK(run.on_twin(fetched("190", 2, reported), {}).empty());
      CHECK(run.on_twin(fetched("170", 3, reported), {}).size() == 1);
      // The link was lost before that is answered: what came along is no later answer.
      CHECK(run.on_twin(fetched("170", 4, reported), {}).empty());
    });
  }
}

TEST_CASE("in another twin a wish is as old as it likes, and refused where that matters") {
  using namespace std::chrono_literals;
  DeviceDescription device = press();
  device.tags[1].wish_age_max = 60s;
  Properties properties(device);
  properties.answers().on_link("hub-a.example/press-07");
  CHECK(properties.on_twin(twin(R"({"desired":{"$version":5}})"), SteadyTime{10s}).empty());
  properties.on_away(SteadyTime{20s});
  properties.answers().on_link("hub-b.example/press-07");
  CHECK(properties.on_twin(fetched("190", 1), SteadyTime{30s}).empty());
  CHECK(properties.take_report().value_or("").find("set it again") != std::string::npos);
}

TEST_CASE("another hub hears all that is known, and no answer to the wishes of the first") {
  const DeviceDescription device = press();
  Properties properties(device);
  properties.answers().on_link("hub-a.example/press-07");
  const auto wishes = properties.on_twin(fetched("190", 12), {});
  REQUIRE(wishes.size() == 1);
  properties.on_reading(good(0, std::string("A17")));
  properties.on_reading(good(1, 100.0));
  CHECK(properties.take_report());
  properties.report_accepted();
  properties.on_written(wishes[0], result(WriteResult::Outcome::Written));
  properties.answers().on_link("hub-b.example/press-07");
  CHECK(properties.on_twin(twin(R"({"desired":{"$version":1}})"), {}).empty());
  CHECK(properties.take_report() ==
        R"({"serialNumber":"A17","hydraulics":{"__t":"c","targetPressure":)"
        R"({"value":190,"ac":203,"av":0}}})");
}

TEST_CASE(
    "what became of a wish that was replaced or withdrawn meanwhile is no answer to the next") {
  const DeviceDescription device = press();
  Properties properties(device);
  properties.on_reading(good(1, 100.0));
  const Wish first = patched(properties, "190", 7);
  const Wish second = patched(properties, "180", 8);
  properties.on_written(first, result(WriteResult::Outcome::Written));
  CHECK(properties.take_report().value_or("").find(R"("value":190,"ac":202,"av":8)") !=
        std::string::npos);
  properties.report_accepted();
  CHECK(properties.on_patch({9, {{"hydraulics", "targetPressure", "null", 9, {}}}}).empty());
  properties.on_written(second, result(WriteResult::Outcome::Unknown));
  CHECK(properties.take_report().value_or("").find(R"("value":190,"ac":203,"av":0)") !=
        std::string::npos);
  // Wished again it is a new wish, although it is the same.
  CHECK(properties.on_twin(fetched("180", 10, R"({"value":190,"ac":203,"av":0})"), {}).size() == 1);
}

TEST_CASE("somebody who took our place for a while has the later answer") {
  const DeviceDescription device = press();
  Properties properties(device);
  properties.on_written(patched(properties, "190", 7), result(WriteResult::Outcome::Written));
  NextRun back(device, properties);
  SUBCASE("to the wish that stands") {
    CHECK(back.properties.on_twin(fetched("190", 11, R"({"value":100,"ac":500,"av":11})"), {})
              .empty());
    CHECK_FALSE(back.properties.has_report());
  }
  SUBCASE("to one between ours and the one that stands") {
    CHECK(back.properties.on_twin(fetched("190", 11, R"({"value":150,"ac":200,"av":9})"), {})
              .size() == 1);
  }
}
