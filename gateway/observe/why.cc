#include "gateway/observe/why.h"

#include <algorithm>

#include "gateway/api/failure_words.h"
#include "gateway/observe/plain_words.h"
#include "gateway/observe/time_words.h"
#include "gateway/observe/why_verdict.h"
#include "proto/json.h"

namespace hubward::observe {
namespace {

constexpr std::string_view kComputer = "This computer";
constexpr std::string_view kHub = "Hub";
constexpr std::string_view kDps = "Provisioning (DPS)";
constexpr std::string_view kEquipment = "Equipment";
// Names that an answer lists; a name with more addresses is a content network.
constexpr std::size_t kAddressesShown = 3;

std::string milliseconds_words(std::chrono::milliseconds took) {
  return std::to_string(took.count()) + " ms";
}

std::string ago_words(WallTime now, WallTime then) {
  return now - then < std::chrono::seconds{2} ? "just now" : duration_words(now - then) + " ago";
}

WhyStep clock_step(const WhyFacts& facts) {
  WhyStep step{kComputer, "clock", "Clock", StepState::Ok, utc_words(facts.now)};
  if (clock_is_to_blame(facts)) {
    step.state = StepState::Stopped;
    step.text += ", which is wrong";
  } else if (!facts.clock_trusted) {
    step.text += ", not confirmed by a time service yet";
  }
  return step;
}

std::string found_words(const PathFindings& path) {
  if (path.addresses.size() == 1 && path.addresses.front() == path.host) {
    return "an address, needs no look-up";
  }
  std::string words = "found: ";
  for (std::size_t i = 0; i < path.addresses.size(); ++i) {
    if (i == kAddressesShown) {
      words += " and " + std::to_string(path.addresses.size() - i) + " more";
      break;
    }
    words += (i == 0 ? "" : ", ") + path.addresses[i];
    if (is_private_address(path.addresses[i])) words += " (a private address)";
  }
  return words + ", " + milliseconds_words(path.name.took);
}

std::string certificate_words(const PathFindings& path) {
  if (!path.certificate) return {};
  const CertificateFacts& certificate = path.faulty ? *path.faulty : *path.certificate;
  return ", certificate of " + shown_text(certificate.subject) + ", issued by " +
         shown_text(certificate.issuer) + ", valid from " + date_words(certificate.not_before) +
         " to " + date_words(certificate.not_after);
}

// One of name, TCP, TLS; `words` is asked only when it passed.
template <class Words>
WhyStep path_step(std::string_view part, std::string_view label, std::string_view name,
                  const PathStep* tried, Words words) {
  WhyStep step{part, label, name, StepState::NotReached, {}};
  if (tried == nullptr) return step;
  step.state = tried->trouble ? StepState::Stopped : StepState::Ok;
  if (!tried->trouble) step.text = words();
  return step;
}

void add_path(std::vector<WhyStep>& steps, std::string_view part, bool is_hub,
              const std::optional<PathFindings>& path) {
  const auto step_at = [](const std::optional<PathStep>& step) { return step ? &*step : nullptr; };
  std::vector<WhyStep> three;
  if (!path || (path->name.trouble && path->name.trouble->code == ErrorCode::LimitExceeded)) {
    steps.push_back(
        {part, is_hub ? "hub_name" : "dps_name", "Name", StepState::NotAsked, "not looked at yet"});
    return;
  }
  const PathFindings& found = *path;
  three.push_back(path_step(part, is_hub ? "hub_name" : "dps_name", "Name", &found.name,
                            [&] { return found_words(found); }));
  three.push_back(
      path_step(part, is_hub ? "hub_tcp" : "dps_tcp", "Connection (TCP)", step_at(found.tcp), [&] {
        return found.address + " port " + std::to_string(found.port) + " answers, " +
               milliseconds_words(found.tcp->took);
      }));
  three.push_back(
      path_step(part, is_hub ? "hub_tls" : "dps_tls", "Encryption (TLS)", step_at(found.tls), [&] {
        return found.tls_version + certificate_words(found) + ", " +
               milliseconds_words(found.tls->took);
      }));
  if (three[0].state == StepState::Stopped) {
    three[0].text = shown_text(found.host) + ": " + shown_text(found.name.trouble->context) +
                    ", after " + milliseconds_words(found.name.took);
  } else if (three[1].state == StepState::Stopped) {
    three[1].text = found.address + " port " + std::to_string(found.port) + ": " +
                    shown_text(found.tcp->trouble->context) + ", after " +
                    milliseconds_words(found.tcp->took);
  } else if (three[2].state == StepState::Stopped) {
    three[2].text = shown_text(found.tls->trouble->context) + certificate_words(found) +
                    ", after " + milliseconds_words(found.tls->took);
  }
  steps.insert(steps.end(), three.begin(), three.end());
}

std::string outcome_words(const CloudAttempt& attempt) {
  std::string words(words_for(*attempt.failure).name);
  if (!attempt.detail.empty()) words += " (" + shown_text(attempt.detail) + ")";
  return words;
}

std::string token_words(const WhyFacts& facts) {
  if (!facts.status.token_expires) return {};
  return "; token valid until " + utc_words(*facts.status.token_expires);
}

WhyStep login_step(const WhyFacts& facts) {
  WhyStep step{kHub, "hub_login", "Login (CONNACK)", StepState::NotAsked, {}};
  const DeviceStatus& status = facts.status;
  if (status.cloud == CloudState::Online) {
    step.state = StepState::Ok;
    step.text = "accepted, online for " + duration_words(facts.now - status.cloud_since);
    step.text += status.last_delivered
                     ? "; last message acknowledged " + ago_words(facts.now, *status.last_delivered)
                     : std::string("; no message acknowledged yet");
    step.text += token_words(facts);
    return step;
  }
  if (facts.still_trying) {
    step.text = "an attempt is still under way";
    return step;
  }
  if (trouble_on(facts.hub_path) != nullptr) {
    step.state = StepState::NotReached;
    return step;
  }
  if (!status.last_login) {
    step.text = facts.hub ? "not tried yet" : "no hub is known: the provisioning service names it";
    return step;
  }
  const std::string when = facts.tried_for_this
                               ? ", tried just now"
                               : ", tried " + ago_words(facts.now, status.last_login->at);
  step.state = status.last_login->failure ? StepState::Stopped : StepState::Ok;
  step.text =
      (status.last_login->failure ? outcome_words(*status.last_login) : std::string("accepted")) +
      when;
  return step;
}

WhyStep provisioning_step(const WhyFacts& facts) {
  WhyStep step{kDps, "dps_answer", "Answer", StepState::NotAsked, {}};
  const auto& last = facts.status.last_provisioning;
  if (last) {
    step.state = last->failure ? StepState::Stopped : StepState::Ok;
    step.text =
        (last->failure ? outcome_words(*last) : "names the hub " + shown_text(last->detail)) +
        ", asked " + ago_words(facts.now, last->at);
  } else if (trouble_on(facts.dps_path) != nullptr) {
    step.state = StepState::NotReached;
  } else {
    step.text = facts.hub ? "not asked: the hub is known" : "not asked yet";
  }
  return step;
}

// Nothing: no gateway runs, or nothing was heard of it yet.
std::optional<WhyStep> equipment_step(const WhyFacts& facts) {
  const FieldState& field = facts.status.field;
  WhyStep step{kEquipment, "equipment", "Device", StepState::Ok, {}};
  if (const auto trouble = equipment_trouble(facts)) {
    step.state = StepState::Stopped;
    step.text = trouble->wrong;
    if (facts.status.cloud != CloudState::Online && !trouble->person_does.empty()) {
      step.text += " " + trouble->person_does;  // the verdict is about the way to the cloud
    }
    return step;
  }
  if (field.link != FieldState::Link::Up) return std::nullopt;
  step.text = "answers, for " + duration_words(facts.now - facts.status.field_since);
  return step;
}

std::vector<OpenHost> hosts_to_open(const WhyFacts& facts) {
  constexpr std::string_view kAzure = ".azure-devices.net";
  std::vector<OpenHost> open;
  open.push_back({shown_text(facts.dps.host), facts.dps.port, "provisioning service (DPS)"});
  if (facts.hub)
    open.push_back({shown_text(facts.hub->host), facts.hub->port, "this device's hub"});
  if (!facts.hub || facts.hub->host.ends_with(kAzure)) {
    open.push_back({"*" + std::string(kAzure), 8883, "every other hub that a failover may assign"});
  }
  return open;
}

}  // namespace

std::string_view step_word(StepState state) {
  switch (state) {
    case StepState::Ok:
      return "ok";
    case StepState::Stopped:
      return "stopped here";
    case StepState::NotReached:
      return "not reached";
    case StepState::NotAsked:
      return "not asked";
  }
  return "not asked";
}

WhyReport why(const WhyFacts& given) {
  WhyFacts facts = given;
  facts.device_name = shown_text(given.device_name.empty() ? given.device_id : given.device_name);
  WhyReport report;
  report.at = facts.now;
  report.device_id = facts.device_id;
  report.device_name = facts.device_name;
  report.online = facts.status.cloud == CloudState::Online;
  report.steps.push_back(clock_step(facts));
  if (facts.hub) add_path(report.steps, kHub, true, facts.hub_path);
  report.steps.push_back(login_step(facts));
  add_path(report.steps, kDps, false, facts.dps_path);
  report.steps.push_back(provisioning_step(facts));
  if (auto equipment = equipment_step(facts)) report.steps.push_back(std::move(*equipment));
  Verdict verdict = verdict_on(facts);
  report.verdict = std::move(verdict.wrong);
  report.person_does = std::move(verdict.person_does);
  report.gateway_does = facts.gateway_runs ? std::move(verdict.gateway_does) : std::string();
  if (facts.gateway_runs && !report.online && facts.status.next_attempt &&
      *facts.status.next_attempt > facts.now) {
    report.gateway_does +=
        " Next try in " + duration_words(*facts.status.next_attempt - facts.now) + ".";
  }
  report.open = hosts_to_open(facts);
  return report;
}

std::string why_json(const WhyReport& report, bool looking) {
  rapidjson::StringBuffer buffer;
  json::Writer out(buffer);
  const auto text = [&](const char* key, std::string_view value) {
    out.Key(key);
    out.String(value.data(), static_cast<rapidjson::SizeType>(value.size()));
  };
  out.StartObject();
  out.Key("now_ms");
  out.Int64(report.at.time_since_epoch().count());
  text("device", shown_text(report.device_id));
  text("name", report.device_name);
  out.Key("online");
  out.Bool(report.online);
  out.Key("looking");
  out.Bool(looking);
  text("verdict", report.verdict);
  text("person_does", report.person_does);
  text("gateway_does", report.gateway_does);
  out.Key("steps");
  out.StartArray();
  for (const WhyStep& step : report.steps) {
    out.StartObject();
    text("part", step.part);
    text("step", step.label);
    text("name", step.name);
    text("state", step_word(step.state));
    text("text", step.text);
    out.EndObject();
  }
  out.EndArray();
  out.Key("open");
  out.StartArray();
  for (const OpenHost& host : report.open) {
    out.StartObject();
    text("host", host.host);
    out.Key("port");
    out.Uint(host.port);
    text("for", host.purpose);
    out.EndObject();
  }
  out.EndArray();
  out.EndObject();
  return {buffer.GetString(), buffer.GetSize()};
}

}  // namespace hubward::observe
