#include "gateway/observe/why.h"

#include <doctest/doctest.h>

#include <algorithm>

#include "gateway/observe/why_verdict.h"
#include "proto/json.h"

using namespace hubward;
using namespace hubward::observe;
using namespace std::chrono_literals;

namespace {

constexpr WallTime kNow{std::chrono::sys_days{std::chrono::year{2026} / 7 / 1}.time_since_epoch()};
const std::string kHubHost = "hub-a.azure-devices.net";
const std::string kDpsHost = "global.azure-devices-provisioning.net";
const CertificateFacts kGood{"CN = *.azure-devices.net",
                             "C = US, O = Microsoft Corporation, CN = Microsoft Azure TLS 01",
                             kNow - 24h * 100, kNow + 24h * 265};

PathFindings passed(const std::string& host) {
  PathFindings path;
  path.host = host;
  path.port = 8883;
  path.at = kNow;
  path.name.took = 12ms;
  path.addresses = {"20.50.1.2"};
  path.address = "20.50.1.2";
  path.tcp = PathStep{23ms, std::nullopt};
  path.tls = PathStep{31ms, std::nullopt};
  path.tls_version = "TLSv1.3";
  path.certificate = kGood;
  return path;
}

PathFindings no_name(const std::string& host) {
  PathFindings path = passed(host);
  path.name.trouble = Error{ErrorCode::NameUnknown, ErrorKind::Transient, "no such name"};
  path.tcp.reset();
  path.tls.reset();
  return path;
}

PathFindings no_tcp(const std::string& host) {
  PathFindings path = passed(host);
  path.tcp->trouble = Error{ErrorCode::Unreachable, ErrorKind::Transient, "no answer"};
  path.tls.reset();
  return path;
}

PathFindings bad_certificate(const std::string& host, std::vector<CertificateFault> faults,
                             const CertificateFacts& certificate) {
  PathFindings path = passed(host);
  path.tls->trouble = Error{ErrorCode::TlsUntrusted, ErrorKind::Permanent, "not trusted"};
  path.faults = std::move(faults);
  path.certificate = certificate;
  path.faulty = certificate;
  return path;
}

CertificateFacts issued_by(const std::string& issuer) {
  CertificateFacts certificate = kGood;
  certificate.issuer = issuer;
  return certificate;
}

WhyFacts offline() {
  WhyFacts facts;
  facts.now = kNow;
  facts.device_id = "press-07";
  facts.device_name = "Press 07";
  facts.dps = {kDpsHost, 8883};
  facts.hub = CloudHost{kHubHost, 8883};
  facts.hub_path = passed(kHubHost);
  facts.dps_path = passed(kDpsHost);
  facts.status.cloud = CloudState::BackingOff;
  facts.status.assigned_hub = kHubHost;
  return facts;
}

WhyFacts failed(ErrorCode code, const std::string& detail = "") {
  WhyFacts facts = offline();
  facts.status.cloud_failure = code;
  facts.status.cloud_detail = detail;
  facts.status.last_login = CloudAttempt{kNow - 12s, code, detail};
  return facts;
}

template <class Change>
WhyFacts with(WhyFacts facts, Change change) {
  change(facts);
  return facts;
}

const WhyStep& step(const WhyReport& report, std::string_view label) {
  const auto found = std::find_if(report.steps.begin(), report.steps.end(),
                                  [&](const WhyStep& one) { return one.label == label; });
  REQUIRE(found != report.steps.end());
  return *found;
}

bool says(const std::string& text, const std::string& words) {
  return text.find(words) != std::string::npos;
}

}  // namespace

TEST_CASE("the verdict names what is wrong, and what somebody must do") {
  const CertificateFacts inspected = issued_by("O = Acme Steel, CN = Acme TLS Inspection CA");
  const CertificateFacts future{"CN = x", "CN = y", kNow + 24h * 30, kNow + 24h * 300};
  const CertificateFacts past{"CN = x", "CN = y", kNow - 24h * 300, kNow - 24h * 30};
  struct Row {
    const char* why;
    WhyFacts facts;
    const char* verdict;
    const char* to_do;
  };
  const Row rows[] = {
      {"no name is found: it is our own name server",
       with(offline(),
            [](WhyFacts& f) {
              f.hub_path = no_name(kHubHost);
              f.dps_path = no_name(kDpsHost);
            }),
       "This computer cannot look up names", "name server of this computer"},
      {"only the hub's name is gone",
       with(offline(), [](WhyFacts& f) { f.hub_path = no_name(kHubHost); }),
       "The name hub-a.azure-devices.net is not found", "provisioning service will name another"},
      {"port 8883 is closed for all",
       with(offline(),
            [](WhyFacts& f) {
              f.hub_path = no_tcp(kHubHost);
              f.dps_path = no_tcp(kDpsHost);
            }),
       "Nothing gets out on port 8883", "open the hosts and ports below, outwards"},
      {"the firewall knows DPS, and not the hub",
       with(offline(), [](WhyFacts& f) { f.hub_path = no_tcp(kHubHost); }),
       "hub-a.azure-devices.net cannot be reached on port 8883 (no answer), although others can",
       "firewall lets this host out"},
      {"a new device, and DPS cannot be reached: nothing is known of others",
       with(offline(),
            [](WhyFacts& f) {
              f.hub.reset();
              f.hub_path.reset();
              f.dps_path = no_tcp(kDpsHost);
            }),
       "global.azure-devices-provisioning.net cannot be reached on port 8883 (no answer).",
       "open as listed below"},
      {"a firewall re-signs: its certificate's issuer is named",
       with(offline(),
            [&](WhyFacts& f) {
              f.hub_path = bad_certificate(kHubHost, {CertificateFault::UnknownIssuer}, inspected);
            }),
       "A firewall or proxy opens the encrypted connection to hub-a.azure-devices.net: the "
       "certificate that arrives is issued by \"O = Acme Steel, CN = Acme TLS Inspection CA\"",
       "exempt the hosts below from TLS inspection"},
      {"the same with its root in the chain",
       with(offline(),
            [&](WhyFacts& f) {
              f.hub_path = bad_certificate(kHubHost, {CertificateFault::SelfSigned}, inspected);
            }),
       "A firewall or proxy opens", "exempt the hosts"},
      {"Microsoft's own issuer, and we lack its root",
       with(offline(),
            [](WhyFacts& f) {
              f.hub_path = bad_certificate(kHubHost, {CertificateFault::UnknownIssuer}, kGood);
            }),
       "The trusted roots file of this gateway lacks the root", "ca-certificates"},
      {"a login page answers for everybody",
       with(offline(),
            [](WhyFacts& f) {
              f.hub_path = bad_certificate(kHubHost, {CertificateFault::OtherName}, kGood);
            }),
       "Somebody else answers in the place of hub-a.azure-devices.net", "redirects"},
      {"not valid yet: our clock is behind, even if it claims to be right",
       with(offline(),
            [&](WhyFacts& f) {
              f.hub_path = bad_certificate(kHubHost, {CertificateFault::NotYetValid}, future);
            }),
       "The clock of this computer is wrong: it says 2026-07-01 00:00:00 UTC, and the certificate "
       "of hub-a.azure-devices.net is valid from 2026-07-31 00:00:00 UTC",
       "time synchronisation"},
      {"expired, and the clock is not credible",
       with(offline(),
            [&](WhyFacts& f) {
              f.clock_trusted = false;
              f.hub_path = bad_certificate(kHubHost, {CertificateFault::Expired}, past);
            }),
       "The clock of this computer is wrong", "time synchronisation"},
      {"expired, and the clock is confirmed: it is the certificate",
       with(offline(),
            [&](WhyFacts& f) {
              f.hub_path = bad_certificate(kHubHost, {CertificateFault::Expired}, past);
            }),
       "The certificate of hub-a.azure-devices.net ended on 2026-06-01", "must renew"},
      {"the hub refuses while the clock is not credible: tokens are made with it",
       with(failed(ErrorCode::HubRefusedAfterDps), [](WhyFacts& f) { f.clock_trusted = false; }),
       "The clock of this computer is wrong", "time synchronisation"},
      {"something answers that does not speak TLS",
       with(offline(),
            [](WhyFacts& f) {
              f.hub_path->tls->trouble = Error{ErrorCode::TlsFailed, ErrorKind::Transient,
                                               "what answers does not speak TLS"};
            }),
       "cannot be set up: what answers does not speak TLS", "must exempt the hosts below"},
      {"the way is free, and DPS says that an operator blocked it",
       with(failed(ErrorCode::DpsBlocked, "status failed, 400209"),
            [](WhyFacts& f) {
              f.status.last_provisioning =
                  CloudAttempt{kNow - 5s, ErrorCode::DpsBlocked, "status failed, 400209"};
            }),
       "An operator blocked the device in IoT Central, or it waits there for approval (status "
       "failed, 400209).",
       "approve or unblock"},
      {"the old hub is gone, and DPS has the last word on the device",
       with(failed(ErrorCode::NameUnknown),
            [](WhyFacts& f) {
              f.hub_path = no_name(kHubHost);
              f.status.last_provisioning = CloudAttempt{kNow - 5s, ErrorCode::DpsDisabled, ""};
            }),
       "The device's enrollment is switched off", "Enable the enrollment"},
      {"the hub itself is busy", failed(ErrorCode::HubBusy), "The hub says it is not available now",
       ""},
      {"nothing has failed yet",
       with(offline(), [](WhyFacts& f) { f.status.cloud = CloudState::Connecting; }),
       "Press 07 is on its way", ""},
      {"too many looked at once: that says nothing of the way",
       with(failed(ErrorCode::HubBusy),
            [](WhyFacts& f) {
              f.hub_path = no_name(kHubHost);
              f.hub_path->name.trouble->code = ErrorCode::LimitExceeded;
            }),
       "The hub says it is not available now", ""},
      {"walked by itself, and the hub lets it in",
       with(offline(),
            [](WhyFacts& f) {
              f.gateway_runs = false;
              f.status.last_login = CloudAttempt{kNow, std::nullopt, kHubHost};
            }),
       "Nothing is wrong on the way: the hub accepts Press 07", "Start it"},
  };
  for (const auto& row : rows) {
    CAPTURE(row.why);
    const WhyReport report = why(row.facts);
    CAPTURE(report.verdict);
    CAPTURE(report.person_does);
    CHECK(says(report.verdict, row.verdict));
    CHECK(says(report.person_does, row.to_do));
    CHECK_FALSE(report.online);
  }
}

TEST_CASE("an online device says where and how well, and that nothing is wrong") {
  WhyFacts facts = offline();
  facts.status.cloud = CloudState::Online;
  facts.status.cloud_since = kNow - 3h - 12min;
  facts.status.last_delivered = kNow - 5s;
  facts.status.token_expires = kNow + 40min;
  const WhyReport report = why(facts);
  CHECK(report.online);
  CHECK(report.verdict ==
        "Press 07 is online at hub-a.azure-devices.net for 3 h 12 min; nothing is wrong.");
  CHECK(report.person_does.empty());
  CHECK(step(report, "hub_login").text ==
        "accepted, online for 3 h 12 min; last message acknowledged 5 s ago; token valid until "
        "2026-07-01 00:40:00 UTC");
  SUBCASE("unless a new connection would not succeed") {
    facts.dps_path = no_tcp(kDpsHost);
    const WhyReport warned = why(facts);
    CHECK(says(warned.verdict, "is online at hub-a.azure-devices.net"));
    CHECK(says(warned.verdict, "but it could not get there anew: "));
    CHECK(says(warned.person_does, "IT department"));
  }
  SUBCASE("or nothing is acknowledged any more") {
    facts.status.outbox.waiting = 9;
    facts.status.outbox.oldest_waiting = kNow - 5min;
    facts.status.last_delivered = kNow - 5min;
    CHECK(says(why(facts).verdict, "did not confirm them in time"));
  }
}

TEST_CASE("dead equipment is not \"nothing is wrong\" because its way to the cloud is fine") {
  WhyFacts facts = offline();
  facts.status.cloud = CloudState::Online;
  facts.status.cloud_since = kNow - 1h;
  facts.status.field_since = kNow - 5min;
  const char* verdict = "";
  const char* to_do = "";
  SUBCASE("silent") {
    facts.status.field = {FieldState::Link::Down, ErrorCode::NoAnswer, "unit 7 at /dev/ttyUSB0"};
    verdict = "The equipment is not: device does not answer (unit 7 at /dev/ttyUSB0).";
    to_do = "power, wiring";
  }
  SUBCASE("not understood") {
    facts.status.useless = {60, ErrorCode::BadPayload, "US,GS", kNow - 5min};
    verdict =
        "The equipment is not: nothing that it sends is understood: 60 messages were dropped, and "
        "no value has come. Last: US,GS";
    to_do = "pattern";
  }
  const WhyReport report = why(facts);
  CHECK(says(report.verdict, "online at hub-a.azure-devices.net"));
  CHECK(says(report.verdict, "the way to the cloud is fine"));
  CHECK(says(report.verdict, verdict));
  CHECK(says(report.person_does, to_do));
  CHECK(step(report, "equipment").state == StepState::Stopped);
  // Without the cloud the verdict is about the way there, and the step says what to do.
  facts.status.cloud = CloudState::BackingOff;
  facts.status.cloud_failure = ErrorCode::HubBusy;
  const WhyReport offline_too = why(facts);
  CHECK(says(offline_too.verdict, "not available now"));
  CHECK(says(step(offline_too, "equipment").text, to_do));
}

TEST_CASE("equipment that answers is said as well; what is not known is left out") {
  WhyFacts facts = offline();
  const WhyReport unknown = why(facts);
  CHECK(std::none_of(unknown.steps.begin(), unknown.steps.end(),
                     [](const WhyStep& one) { return one.label == "equipment"; }));
  facts.status.field = {FieldState::Link::Up, {}, {}};
  facts.status.field_since = kNow - 5min;
  CHECK(step(why(facts), "equipment").text == "answers, for 5 min");
}

TEST_CASE("every step has its figure, and what lies beyond a stop is not reached") {
  WhyFacts facts = offline();
  facts.hub_path = no_tcp(kHubHost);
  facts.status.last_login = CloudAttempt{kNow - 90s, ErrorCode::Unreachable, "no answer"};
  const WhyReport report = why(facts);
  CHECK(step(report, "clock").text == "2026-07-01 00:00:00 UTC");
  CHECK(step(report, "hub_name").state == StepState::Ok);
  CHECK(step(report, "hub_name").text == "found: 20.50.1.2, 12 ms");
  CHECK(step(report, "hub_tcp").state == StepState::Stopped);
  CHECK(step(report, "hub_tcp").text == "20.50.1.2 port 8883: no answer, after 23 ms");
  CHECK(step(report, "hub_tls").state == StepState::NotReached);
  CHECK(step(report, "hub_login").state == StepState::NotReached);
  CHECK(step(report, "dps_tcp").text == "20.50.1.2 port 8883 answers, 23 ms");
  CHECK(step(report, "dps_tls").text ==
        "TLSv1.3, certificate of CN = *.azure-devices.net, issued by C = US, O = Microsoft "
        "Corporation, CN = Microsoft Azure TLS 01, valid from 2026-03-23 to 2027-03-23, 31 ms");
  CHECK(step(report, "dps_answer").state == StepState::NotAsked);
  CHECK(step(report, "dps_answer").text == "not asked: the hub is known");
}

TEST_CASE("an attempt made for the question is told from an older one") {
  WhyFacts facts = failed(ErrorCode::HubBusy, "hub-a as press-07: CONNACK 3");
  CHECK(step(why(facts), "hub_login").text ==
        "Hub is busy or has a fault (hub-a as press-07: CONNACK 3), tried 12 s ago");
  facts.tried_for_this = true;
  CHECK(says(step(why(facts), "hub_login").text, ", tried just now"));
  facts.still_trying = true;
  CHECK(step(why(facts), "hub_login").text == "an attempt is still under way");
  CHECK(step(why(facts), "hub_login").state == StepState::NotAsked);
}

TEST_CASE("the hosts to open are provisioning, the hub, and any hub of a failover") {
  const auto open = why(offline()).open;
  REQUIRE(open.size() == 3);
  CHECK(open[0].host == kDpsHost);
  CHECK(open[1].host == kHubHost);
  CHECK(open[2].host == "*.azure-devices.net");
  for (const auto& host : open) CHECK(host.port == 8883);
  WhyFacts simulated = offline();
  simulated.hub = CloudHost{"127.0.0.2", 4711};
  REQUIRE(why(simulated).open.size() == 2);
  CHECK(why(simulated).open[1].port == 4711);
}

TEST_CASE("a waiting device says when hubward tries again; a walk without a gateway does not") {
  WhyFacts facts = failed(ErrorCode::HubBusy);
  facts.status.next_attempt = kNow + 40s;
  CHECK(says(why(facts).gateway_does, "Next try in 40 s."));
  facts.gateway_runs = false;
  CHECK(why(facts).gateway_does.empty());
}

TEST_CASE("private addresses are told from public ones") {
  for (const char* address :
       {"10.1.2.3", "127.0.0.1", "172.16.0.1", "172.31.9.9", "192.168.1.1", "100.64.0.1",
        "169.254.1.1", "0.0.0.0", "::1", "fd00::1", "fe80::1"}) {
    CAPTURE(address);
    CHECK(is_private_address(address));
  }
  for (const char* address : {"20.50.1.2", "172.32.0.1", "100.128.0.1", "8.8.8.8", "2a01::1",
                              "10.1", "", "10.1.2.3.4", "10.x.1.1"}) {
    CAPTURE(address);
    CHECK_FALSE(is_private_address(address));
  }
}

TEST_CASE("hostile names in a certificate are made printable, in valid JSON") {
  WhyFacts facts = offline();
  CertificateFacts hostile = issued_by("CN = \x1b[31m\"quoted\" \xff\n<script>");
  facts.hub_path = bad_certificate(kHubHost, {CertificateFault::UnknownIssuer}, hostile);
  const std::string text = why_json(why(facts), true);
  const auto document = json::parse(text);
  REQUIRE(document);
  CHECK(json::as_bool(json::find(*document, "looking")) == true);
  const auto verdict = json::as_string(json::find(*document, "verdict"));
  REQUIRE(verdict);
  CHECK(verdict->find('\x1b') == std::string_view::npos);
  CHECK(verdict->find('\n') == std::string_view::npos);
}
