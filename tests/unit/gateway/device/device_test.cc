// A device as a whole: what it writes, answers and puts on record when the cloud asks for
// something.
#include "gateway/device/device.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <span>

#include "tests/support/manual_loop.h"
#include "tests/support/memory_outbox.h"
#include "tests/support/scripted_link.h"
#include "tests/support/scripted_random.h"

using namespace hubward;
using namespace hubward::device;
using namespace std::chrono_literals;

namespace {

struct FixedSigner final : Signer {
  void sign(std::string, std::function<void(Result<std::string>)> done) override {
    done(std::string(32, 'k'));
  }
  [[nodiscard]] std::string fingerprint() const override { return "key-1"; }
};

struct KnownAssignment final : AssignmentStore {
  [[nodiscard]] std::optional<Assignment> load(const std::string& scope, const std::string& id,
                                               const std::string& credential) const override {
    return Assignment{"hub-a.example", id, scope, id, credential};
  }
  void save(const Assignment&) override {}
};

struct RecordingLog final : Log {
  void write(LogLevel, std::string_view event, std::initializer_list<LogField> fields) override {
    std::map<std::string, std::string> entry{{"event", std::string(event)}};
    for (const auto& field : fields) entry[std::string(field.key)] = field.value;
    entries.push_back(std::move(entry));
  }
  std::vector<std::map<std::string, std::string>> entries;
};

struct LastStatus final : StatusSink {
  void device(const DeviceStatus& status) override {
    last = status;
    ++count;
  }
  void bad_input(const BadInput&) override {}
  void event(SiteEvent event) override { events.push_back(std::move(event)); }
  std::optional<DeviceStatus> last;
  std::vector<SiteEvent> events;
  int count = 0;
};

// Equipment that confirms everything, at once or when it is told to.
struct WillingAdapter final : SouthboundAdapter {
  Status start(ReadingSink&) override { return {}; }
  void write(WriteRequest request, WriteDone done) override {
    written.push_back(request.value);
    if (on_write) on_write();
    if (refuses) {
      return done({WriteResult::Outcome::Refused, *refuses, "/dev/ttyUSB0 is not open", {}});
    }
    if (slow) return waiting.push_back(std::move(done));
    confirm(done);
  }
  void stop() noexcept override {}
  static void confirm(const WriteDone& done) {
    done({.outcome = WriteResult::Outcome::Written, .code = {}, .detail = {}, .read_back = {}});
  }
  bool slow = false;
  std::optional<ErrorCode> refuses;
  std::vector<TagValue> written;  // or refused
  std::vector<WriteDone> waiting;
  std::function<void()> on_write;
};

struct MemoryAnswers final : AnswerStore {
  explicit MemoryAnswers(std::optional<TwinAnswers> remembered) : saved(std::move(remembered)) {}
  [[nodiscard]] std::optional<TwinAnswers> load(const std::string&) const override { return saved; }
  void save(const std::string&, const TwinAnswers& answers) override { saved = answers; }
  std::optional<TwinAnswers> saved;
};

struct Fixture {
  MemoryAnswers answers;
  test::ManualClock clock;
  test::ManualLoop loop{clock};
  test::FixedRandom chance{0.5};
  test::ScriptedLinks links;
  FixedSigner signer;
  KnownAssignment assignments;
  test::MemoryOutbox outbox;
  AlwaysGranted leases;
  NoBackoffStore backoffs;
  AdmissionDesk admission{loop, {}, chance, backoffs};
  RecordingLog log;
  LastStatus status;
  StatusRounds rounds{loop, status};
  WriteGate writes;
  CloudSettings settings;
  WillingAdapter adapter;
  DeviceDescription described;
  Device device{DeviceIndex{0}, described, settings,
                DeviceParts{CloudParts{loop, links, signer, assignments, backoffs, outbox, leases,
                                       admission, chance, log, nullptr, &answers},
                            rounds, writes}};

  static DeviceDescription description() {
    DeviceDescription description;
    description.id = "press-07";
    TagDescription lamp;
    lamp.name = "lamp";
    lamp.writable = true;
    description.tags.push_back(lamp);
    return description;
  }
  // `remembered`: by an earlier run.
  explicit Fixture(DeviceDescription of_device = description(),
                   std::optional<TwinAnswers> remembered = {})
      : answers(std::move(remembered)), described(std::move(of_device)) {
    device.attach(&adapter);
    device.start();
    loop.run_for(0s);
    auto* link = links.to("hub-a.example");
    REQUIRE(link != nullptr);
    link->events.on_connected(false);
    link->events.on_subscribed();
  }
  void receive(std::string_view topic, std::string_view payload) {
    links.to("hub-a.example")->events.on_message(topic, payload);
  }
  // The whole document, as it was asked for.
  void fetch(std::string_view document) {
    const auto asked = links.to("hub-a.example")->take("$iothub/twin/GET/");
    REQUIRE(asked.size() == 1);
    const std::string rid = asked[0].topic.substr(asked[0].topic.find("$rid="));
    receive("$iothub/twin/res/200/?" + rid, document);
  }
  [[nodiscard]] std::optional<hub::Acknowledgement> answer() const {
    if (!answers.saved || !answers.saved->by_property.contains({"", "lamp"})) return {};
    return answers.saved->by_property.at({"", "lamp"}).ack;
  }
};

}  // namespace

TEST_CASE("the audit line of a write says who asked for it") {
  struct Row {
    const char* why;
    std::string topic;
    std::string origin;
  };
  const Row rows[] = {
      {"a direct method", "$iothub/methods/POST/lamp/?$rid=7", "command"},
      {"a message that waited at the hub",
       "devices/press-07/messages/devicebound/%24.to=%2Fdevices%2Fpress-07&method-name=lamp",
       "queued command"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.why);
    Fixture f;
    f.receive(row.topic, "true");
    REQUIRE(f.adapter.written.size() == 1);
    CHECK(f.adapter.written[0] == TagValue(true));
    const auto& entry = f.log.entries.back();
    CHECK(entry.at("event") == "plant_write");
    CHECK(entry.at("origin") == row.origin);
  }
}

TEST_CASE("the audit line has the value that the equipment took, and the one that was wanted") {
  Fixture f;
  f.adapter.slow = true;
  f.receive("$iothub/methods/POST/lamp/?$rid=7", "5.5");
  REQUIRE(f.adapter.waiting.size() == 1);
  WriteResult rounded;
  rounded.outcome = WriteResult::Outcome::Written;
  rounded.read_back = TagValue(std::int64_t{6});
  f.adapter.waiting.front()(rounded);
  CHECK(f.log.entries.back().at("value") == "6");
  CHECK(f.log.entries.back().at("wanted") == "5.5");
  CHECK(f.status.events.back().text ==
        "lamp = 6 by command, which wanted 5.5: written and confirmed.");

  f.receive("$iothub/methods/POST/lamp/?$rid=8", "5.5");
  WriteResult refused;
  refused.outcome = WriteResult::Outcome::Refused;
  refused.code = ErrorCode::IllegalDataValue;
  refused.detail = "exception 3";
  f.adapter.waiting.back()(refused);
  CHECK(f.log.entries.back().at("value") == "5.5");
  CHECK(f.status.events.back().text ==
        "lamp = 5.5 by command: Device refused the request's content (exception 3).");
}

TEST_CASE("bad input is said at once and then seldom, and is over with the next reading") {
  Fixture f;
  const auto told = [&] {
    return std::count_if(f.log.entries.begin(), f.log.entries.end(),
                         [](const auto& entry) { return entry.at("event") == "bad_input"; });
  };
  const std::string line = "US,GS,+  010.774kg";
  const auto bytes = std::as_bytes(std::span(line));
  const BadInput input{
      DeviceIndex{0}, "/dev/ttyS0", ErrorCode::BadPayload, {bytes.begin(), bytes.end()}};
  for (int i = 0; i < 5; ++i) f.device.on_bad_input(input);
  CHECK(told() == 1);
  CHECK(f.log.entries.back().at("sample") == line);
  CHECK(f.device.status().useless.count == 5);
  CHECK(f.device.status().useless.sample == line);
  f.loop.run_for(10min);
  f.device.on_bad_input(input);
  CHECK(told() == 2);
  CHECK(f.log.entries.back().at("count") == "5");
  ReadingBatch batch;
  batch.device = DeviceIndex{0};
  batch.readings.push_back({TagIndex{0}, TagValue(true), Quality::Good, {}});
  f.device.on_batch(batch, {});
  CHECK(f.device.status().useless.count == 0);
}

TEST_CASE(
    "all commands that waited at the hub are carried out in their order, though they come at "
    "once") {
  Fixture f;
  f.adapter.slow = true;
  constexpr int kAtTheHub = 50;
  for (int i = 0; i < kAtTheHub; ++i) {
    f.receive(
        "devices/press-07/messages/devicebound/%24.mid=" + std::to_string(i) + "&method-name=lamp",
        std::to_string(i));
  }
  CHECK(f.adapter.written.size() == 1);
  while (!f.adapter.waiting.empty()) {
    for (const auto& done : std::exchange(f.adapter.waiting, {})) WillingAdapter::confirm(done);
    f.loop.run_for(0s);
  }
  REQUIRE(f.adapter.written.size() == kAtTheHub);
  for (int i = 0; i < kAtTheHub; ++i) {
    CHECK(f.adapter.written[static_cast<std::size_t>(i)] == TagValue(std::int64_t{i}));
  }
}

TEST_CASE("a queued command that is not carried out is put on record: nobody else hears of it") {
  Fixture f;
  struct Row {
    std::string topic;
    std::string reason;
  };
  const std::string to = "devices/press-07/messages/devicebound/";
  for (const auto& row :
       {Row{to + "a=b", "names no command"}, Row{to + "method-name=x", "\"x\""}}) {
    CAPTURE(row.topic);
    f.receive(row.topic, "true");
    CHECK(f.log.entries.back().at("event") == "command_refused");
    CHECK(f.log.entries.back().at("origin") == "queued command");
    CHECK(f.log.entries.back().at("reason").find(row.reason) != std::string::npos);
    REQUIRE_FALSE(f.status.events.empty());
    CHECK(f.status.events.back().text.find(row.reason) != std::string::npos);
  }
  f.adapter.slow = true;
  for (int i = 0; i < 100; ++i) f.receive(to + "method-name=lamp", "true");
  CHECK(f.log.entries.back().at("reason") == "too many commands at once");
  CHECK(f.status.events.back().text.find("too many commands") != std::string::npos);
}

TEST_CASE("a refused command is shown soon, also of a device that says nothing else") {
  Fixture f;
  f.loop.run_for(1s);
  f.status.last.reset();
  f.receive("$iothub/methods/POST/no_such_thing/?$rid=7", "true");
  f.loop.run_for(1s);
  REQUIRE(f.status.last);
  CHECK(f.status.last->commands == 1);
  CHECK(f.status.last->command_failures == 1);
}

TEST_CASE("whatever asked for a write that is refused, it is in the log and in the journal") {
  Fixture f;
  f.receive("$iothub/methods/POST/no_such_thing/?$rid=7", "true");
  CHECK(f.log.entries.back().at("event") == "command_refused");
  CHECK(f.log.entries.back().at("origin") == "command");
  REQUIRE_FALSE(f.status.events.empty());
  CHECK(f.status.events.back().text ==
        "no_such_thing by command was not carried out: this device has no command "
        "\"no_such_thing\".");
  const auto events = f.status.events.size();
  f.device.refused_by_hand("lamp", {ErrorCode::OutOfRange, ErrorKind::Permanent, "at most 1"});
  CHECK(f.log.entries.back().at("event") == "command_refused");
  CHECK(f.log.entries.back().at("origin") == "command line");
  REQUIRE(f.status.events.size() == events + 1);
  CHECK(f.status.events.back().text == "lamp by command line was not carried out: at most 1.");
}

TEST_CASE("a change that the store did not take is not acknowledged when it comes again") {
  auto description = Fixture::description();
  description.tags[0].report.on_change = true;
  Fixture fixture(description);
  const auto deliver = [&] {
    std::optional<Status> stored;
    ReadingBatch batch;
    batch.readings = {{TagIndex{0}, true, Quality::Good, {}}};
    fixture.device.on_batch(batch, [&](const Status& outcome) { stored = outcome; });
    fixture.loop.run_for(1s);
    REQUIRE(stored);
    return stored->has_value();
  };
  fixture.outbox.refuse = true;
  CHECK_FALSE(deliver());
  CHECK_FALSE(deliver());  // the broker delivers it again
  fixture.outbox.refuse = false;
  CHECK(deliver());
  CHECK(fixture.outbox.counts(DeviceIndex{0}).waiting == 1);
}

TEST_CASE("a count that changes after the device's last event is shown all the same") {
  Fixture fixture;
  fixture.loop.run_for(1s);
  fixture.status.count = 0;
  fixture.outbox.append(DeviceIndex{0}, {}, [](const Result<StoredMessage>&) {
  });  // as if the disk had only now come round to it
  fixture.loop.run_for(1s);
  REQUIRE(fixture.status.count == 0);
  fixture.device.on_counts_changed();
  fixture.loop.run_for(1s);
  CHECK(fixture.status.count == 1);
  CHECK(fixture.status.last->outbox.waiting == 1);
}

TEST_CASE(
    "rows of an earlier run that the store finds late are sent by a device that says nothing") {
  Fixture fixture;
  fixture.loop.run_for(1s);
  auto* link = fixture.links.to("hub-a.example");
  fixture.outbox.append(DeviceIndex{0}, {}, [](const Result<StoredMessage>&) {});
  fixture.loop.run_for(1min);
  REQUIRE(link->take("devices/press-07/messages/events/").empty());
  fixture.device.on_rows_found();
  fixture.loop.run_for(0s);
  CHECK(link->take("devices/press-07/messages/events/").size() == 1);
}

TEST_CASE("a device is shown four times a second at most, and not once it is gone") {
  Fixture fixture;
  const FieldState up{FieldState::Link::Up, {}, {}};
  {
    Device other{
        DeviceIndex{1}, Fixture::description(), fixture.settings,
        DeviceParts{CloudParts{fixture.loop, fixture.links, fixture.signer, fixture.assignments,
                               fixture.backoffs, fixture.outbox, fixture.leases, fixture.admission,
                               fixture.chance, fixture.log},
                    fixture.rounds, fixture.writes}};
    other.start();
    fixture.loop.run_for(1s);
    CHECK(fixture.status.last->device == DeviceIndex{1});
    other.on_field_state(up);
  }
  fixture.status.count = 0;
  for (int i = 0; i < 200; ++i) {
    fixture.device.on_field_state(up);
    fixture.loop.run_for(10ms);
  }
  CHECK(fixture.status.count >= 7);
  CHECK(fixture.status.count <= 8);
  CHECK(fixture.status.last->device == DeviceIndex{0});
}

TEST_CASE("in maintenance no command and no wish reaches the plant, and the caller hears why") {
  Fixture f;
  f.writes.paused = true;
  f.receive("$iothub/methods/POST/lamp/?$rid=7", "true");
  CHECK(f.adapter.written.empty());
  const auto answers = f.links.to("hub-a.example")->take("$iothub/methods/res/409/");
  REQUIRE(answers.size() == 1);
  CHECK(answers[0].payload.find("Maintenance mode is on") != std::string::npos);
  f.writes.paused = false;
  f.receive("$iothub/methods/POST/lamp/?$rid=8", "true");
  CHECK(f.adapter.written.size() == 1);
}

TEST_CASE("a wish is remembered before it is written, and by the next run") {
  Fixture f;
  std::optional<TwinAnswers> meanwhile;
  f.adapter.on_write = [&] { meanwhile = f.answers.saved; };
  f.fetch(R"({"desired":{"lamp":true,"$version":7},"reported":{"$version":1}})");
  REQUIRE(f.adapter.written.size() == 1);
  REQUIRE(meanwhile);
  CHECK(meanwhile->twin == "hub-a.example/press-07");
  CHECK(meanwhile->by_property.at({"", "lamp"}).under_way);
  REQUIRE(f.answers.saved);
  const WishAnswer& answer = f.answers.saved->by_property.at({"", "lamp"});
  CHECK_FALSE(answer.under_way);
  CHECK(answer.ack == hub::Acknowledgement{hub::AckCode::Done, 7, "written"});

  // The lamp was switched at the machine, and something else was wished.
  constexpr std::string_view kLater =
      R"({"desired":{"lamp":true,"other":1,"$version":9},)"
      R"("reported":{"lamp":{"value":false,"ac":200,"av":7},"$version":3}})";
  Fixture next(Fixture::description(), f.answers.saved);
  next.fetch(kLater);
  CHECK(next.adapter.written.empty());
  Fixture died(Fixture::description(), meanwhile);
  died.fetch(kLater);
  CHECK(died.adapter.written.empty());
}

namespace {

constexpr std::string_view kLampWished = R"({"desired":{"lamp":true,"$version":7}})";
constexpr FieldState::Link kOpen = FieldState::Link::Unknown;  // and nothing has come yet

}  // namespace

TEST_CASE("a wish of the start is written when its port is there") {
  for (const ErrorCode away : {ErrorCode::PortUnavailable, ErrorCode::BrokerUnavailable}) {
    Fixture f;
    f.adapter.refuses = away;
    f.fetch(kLampWished);
    REQUIRE(f.adapter.written.size() == 1);
    CHECK(f.answer() == hub::Acknowledgement{hub::AckCode::InProgress, 7,
                                             "not written yet: /dev/ttyUSB0 is not open"});
    f.device.on_field_state({FieldState::Link::Down, away, {}});
    f.loop.run_for(1h);
    CHECK(f.adapter.written.size() == 1);

    f.adapter.refuses.reset();
    std::optional<TwinAnswers> meanwhile;
    f.adapter.on_write = [&] { meanwhile = f.answers.saved; };
    f.device.on_field_state({kOpen, {}, {}});
    CHECK(f.adapter.written.size() == 1);  // not from within the adapter's call
    f.loop.run_for(0s);
    REQUIRE(f.adapter.written.size() == 2);
    CHECK(meanwhile->by_property.at({"", "lamp"}).under_way);
    CHECK(f.answer() == hub::Acknowledgement{hub::AckCode::Done, 7, "written"});
    f.device.on_field_state({FieldState::Link::Up, {}, {}});
    f.loop.run_for(1s);
    CHECK(f.adapter.written.size() == 2);
  }
}

TEST_CASE("a wish is answered at once if the port was there before, or the wish may not be old") {
  for (const bool was_open : {false, true}) {
    auto described = Fixture::description();
    if (!was_open) described.tags[0].wish_age_max = 60s;
    Fixture f(described);
    if (was_open) f.device.on_field_state({kOpen, {}, {}});
    f.adapter.refuses = ErrorCode::PortUnavailable;
    f.fetch(R"({"desired":{"$version":6}})");
    f.receive("$iothub/twin/PATCH/properties/desired/?$version=7", R"({"lamp":true,"$version":7})");
    REQUIRE(f.answer());
    CHECK(f.answer()->code == hub::AckCode::Failed);
    f.adapter.refuses.reset();
    f.device.on_field_state({FieldState::Link::Up, {}, {}});
    f.loop.run_for(1s);
    CHECK(f.adapter.written.size() == 1);
  }
}

TEST_CASE("a wish that waits for its port is refused when maintenance begins, and stays so") {
  Fixture f;
  f.adapter.refuses = ErrorCode::PortUnavailable;
  f.fetch(kLampWished);
  f.writes.paused = true;
  f.device.on_writes_paused();
  REQUIRE(f.answer());
  CHECK(f.answer()->code == hub::AckCode::Failed);
  f.writes.paused = false;
  f.adapter.refuses.reset();
  f.device.on_field_state({kOpen, {}, {}});
  f.loop.run_for(1s);
  CHECK(f.adapter.written.size() == 1);
}

TEST_CASE("a wish that waits for a port that opens in maintenance is not written") {
  Fixture f;
  f.adapter.refuses = ErrorCode::PortUnavailable;
  f.fetch(kLampWished);
  f.writes.paused = true;
  f.adapter.refuses.reset();
  f.device.on_field_state({kOpen, {}, {}});
  f.loop.run_for(0s);
  CHECK(f.adapter.written.size() == 1);
  REQUIRE(f.answer());
  CHECK(f.answer()->code == hub::AckCode::Failed);
  f.writes.paused = false;
  f.device.on_field_state({FieldState::Link::Up, {}, {}});
  f.loop.run_for(1s);
  CHECK(f.adapter.written.size() == 1);
}

TEST_CASE("of two wishes that wait for a port the newer one is written") {
  Fixture f;
  f.adapter.refuses = ErrorCode::PortUnavailable;
  f.fetch(kLampWished);
  f.receive("$iothub/twin/PATCH/properties/desired/?$version=8", R"({"lamp":false,"$version":8})");
  f.adapter.refuses.reset();
  f.adapter.written.clear();
  f.device.on_field_state({kOpen, {}, {}});
  f.loop.run_for(0s);
  REQUIRE(f.adapter.written.size() == 1);
  CHECK(f.adapter.written[0] == TagValue(false));
  CHECK(f.answer() == hub::Acknowledgement{hub::AckCode::Done, 8, "written"});
}
