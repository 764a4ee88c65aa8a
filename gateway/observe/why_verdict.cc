#include "gateway/observe/why_verdict.h"

#include <algorithm>
#include <array>
#include <charconv>

#include "gateway/api/failure_words.h"
#include "gateway/observe/condition.h"
#include "gateway/observe/plain_words.h"
#include "gateway/observe/time_words.h"

namespace hubward::observe {
namespace {

bool has(const std::optional<PathFindings>& path, CertificateFault fault) {
  return path && std::find(path->faults.begin(), path->faults.end(), fault) != path->faults.end();
}

bool any_has(const WhyFacts& facts, CertificateFault fault) {
  return has(facts.hub_path, fault) || has(facts.dps_path, fault);
}

bool is_distrusted(const std::optional<PathFindings>& path) {
  return has(path, CertificateFault::UnknownIssuer) || has(path, CertificateFault::SelfSigned);
}

std::string port_words(const PathFindings& path) { return std::to_string(path.port); }

std::string host_words(const PathFindings& path) { return shown_text(path.host); }

// The certificate that is at fault, else the server's own.
const CertificateFacts& telling(const PathFindings& path) {
  static const CertificateFacts kNone;
  return path.faulty ? *path.faulty : path.certificate ? *path.certificate : kNone;
}

bool is_cloud_issuer(const std::string& issuer) {
  return issuer.find("DigiCert") != std::string::npos ||
         issuer.find("Microsoft") != std::string::npos;
}

Verdict from_table(ErrorCode code, const std::string& detail = {}) {
  const FailureWords& words = words_for(code);
  Verdict verdict{std::string(words.meaning), std::string(words.person_does),
                  std::string(words.gateway_does)};
  if (!detail.empty()) {
    verdict.wrong.pop_back();  // the full stop
    verdict.wrong += " (" + shown_text(detail) + ").";
  }
  return verdict;
}

Verdict wrong_clock(const WhyFacts& facts) {
  Verdict verdict = from_table(ErrorCode::ClockWrong);
  verdict.wrong = "The clock of this computer is wrong: it says " + utc_words(facts.now);
  for (const auto* path : {&facts.hub_path, &facts.dps_path}) {
    if (!has(*path, CertificateFault::NotYetValid) && !has(*path, CertificateFault::Expired)) {
      continue;
    }
    const CertificateFacts& certificate = telling(**path);
    verdict.wrong += ", and the certificate of " + host_words(**path) + " is valid from " +
                     utc_words(certificate.not_before) + " to " + utc_words(certificate.not_after);
    break;
  }
  verdict.wrong += ".";
  return verdict;
}

Verdict expired(const PathFindings& path) {
  return {"The certificate of " + host_words(path) + " ended on " +
              utc_words(telling(path).not_after) + " (issued by " +
              shown_text(telling(path).issuer) + ").",
          "Compare this computer's clock with a watch; if it is right, whoever runs that server, "
          "or the firewall that answers in its place, must renew the certificate.",
          "Sends nothing there; tries again with growing pauses."};
}

Verdict distrusted(const PathFindings& path) {
  const std::string issuer = shown_text(telling(path).issuer);
  const std::string gateway_does = "Sends nothing there; tries again with growing pauses.";
  if (is_cloud_issuer(issuer)) {
    return {
        "The trusted roots file of this gateway lacks the root that signed the certificate of " +
            host_words(path) + " (issued by " + issuer + ").",
        "Update the trusted roots: install the newest ca-certificates package, or correct "
        "\"trusted_roots_file\" in gateway.json.",
        gateway_does};
  }
  return {"A firewall or proxy opens the encrypted connection to " + host_words(path) +
              ": the certificate that arrives is issued by \"" + issuer +
              "\", which this gateway does not trust.",
          "Ask the IT department to exempt the hosts below from TLS inspection.", gateway_does};
}

Verdict other_name(const PathFindings& path) {
  const std::string subject = path.certificate ? shown_text(path.certificate->subject) : "";
  return {"Somebody else answers in the place of " + host_words(path) +
              ": the certificate is made out to \"" + subject + "\".",
          "Ask the IT department what redirects this connection (a login page, a proxy, a wrong "
          "entry in the name server), and to exempt the hosts below.",
          "Sends nothing there; tries again with growing pauses."};
}

Verdict name_trouble(const WhyFacts& facts, const PathFindings& path, bool both) {
  if (both) {
    return {"This computer cannot look up names: neither " + host_words(path) + " nor " +
                shown_text(facts.dps.host) + " is found (" +
                shown_text(path.name.trouble->context) + ").",
            "Check network cable, router, and the name server of this computer; it must resolve "
            "the hosts below.",
            std::string(words_for(ErrorCode::OwnNetworkDown).gateway_does)};
  }
  Verdict verdict = from_table(ErrorCode::NameUnknown);
  verdict.wrong = "The name " + host_words(path) + " is not found (" +
                  shown_text(path.name.trouble->context) + ").";
  verdict.person_does =
      "Check that the name server of this computer resolves it. If it does elsewhere neither, the "
      "hub was removed: then the provisioning service will name another one.";
  return verdict;
}

Verdict tcp_trouble(const PathFindings& path, bool both, bool other_reached,
                    const WhyFacts& facts) {
  const std::string why = shown_text(path.tcp->trouble->context);
  if (both) {
    return {"Nothing gets out on port " + port_words(path) + ": neither " + host_words(path) +
                " nor " + shown_text(facts.dps.host) + " can be reached (" + why + ").",
            "Ask the IT department to open the hosts and ports below, outwards.",
            std::string(words_for(ErrorCode::OwnNetworkDown).gateway_does)};
  }
  Verdict verdict = from_table(ErrorCode::Unreachable);
  verdict.wrong = host_words(path) + " cannot be reached on port " + port_words(path) + " (" + why +
                  ")" + (other_reached ? ", although others can." : ".");
  verdict.person_does =
      "Ask the IT department whether the firewall lets this host out; it must be open as listed "
      "below.";
  return verdict;
}

Verdict tls_trouble(const PathFindings& path) {
  Verdict verdict = from_table(ErrorCode::TlsFailed);
  verdict.wrong = "The encrypted connection to " + host_words(path) +
                  " cannot be set up: " + shown_text(path.tls->trouble->context) + ".";
  verdict.person_does =
      "Ask the IT department what stands in between on port " + port_words(path) +
      ": a firewall or proxy that inspects or blocks TLS must exempt the hosts below.";
  return verdict;
}

Verdict path_trouble(const WhyFacts& facts, const PathFindings& path) {
  if (any_has(facts, CertificateFault::NotYetValid) && clock_is_to_blame(facts)) {
    return wrong_clock(facts);
  }
  const bool is_hub = facts.hub_path && &path == &*facts.hub_path;
  const auto& other = is_hub ? facts.dps_path : facts.hub_path;
  if (path.name.trouble) {
    return name_trouble(facts, path, other && other->name.trouble.has_value());
  }
  if (path.tcp && path.tcp->trouble) {
    const bool other_tcp = other && other->tcp && !other->tcp->trouble;
    const bool both = other && !other_tcp && trouble_on(other) != nullptr;
    return tcp_trouble(path, both, other_tcp, facts);
  }
  if (is_distrusted(path)) return distrusted(path);
  if (has(path, CertificateFault::OtherName)) return other_name(path);
  if (has(path, CertificateFault::Expired)) return expired(path);
  return tls_trouble(path);
}

bool acknowledgements_missing(const WhyFacts& facts) {
  const DeviceStatus& status = facts.status;
  if (status.outbox.waiting == 0) return false;
  WallTime last = status.cloud_since;
  if (status.last_delivered) last = std::max(last, *status.last_delivered);
  if (status.outbox.oldest_waiting) last = std::max(last, *status.outbox.oldest_waiting);
  return facts.now - last > kAckPauseMax;
}

const PathFindings* first_blocked(const WhyFacts& facts) {
  if (trouble_on(facts.hub_path) != nullptr) return &*facts.hub_path;
  if (trouble_on(facts.dps_path) != nullptr) return &*facts.dps_path;
  return nullptr;
}

Verdict on_online(const WhyFacts& facts) {
  if (acknowledgements_missing(facts)) return from_table(ErrorCode::PubackMissing);
  const std::string online = facts.device_name + " is online at " +
                             shown_text(facts.status.assigned_hub) + " for " +
                             duration_words(facts.now - facts.status.cloud_since);
  if (const PathFindings* blocked = first_blocked(facts)) {
    Verdict verdict = path_trouble(facts, *blocked);
    verdict.wrong = online + ", but it could not get there anew: " + verdict.wrong;
    verdict.gateway_does = "Keeps the connection that stands.";
    return verdict;
  }
  if (auto equipment = equipment_trouble(facts)) {
    equipment->wrong = online + ": the way to the cloud is fine. The equipment is not: " +
                       lower_first(std::move(equipment->wrong));
    return std::move(*equipment);
  }
  return {online + "; nothing is wrong.", {}, {}};
}

Verdict on_its_way(const WhyFacts& facts) {
  return {facts.device_name + " is on its way: nothing has gone wrong so far.",
          {},
          std::string(facts.status.cloud == CloudState::WaitingForTurn
                          ? "Waits for its turn; only so many devices connect at once."
                          : "Goes on by itself.")};
}

}  // namespace

std::optional<Verdict> equipment_trouble(const WhyFacts& facts) {
  const DeviceStatus& status = facts.status;
  if (status.field.link == FieldState::Link::Down) {
    Verdict verdict = from_table(status.field.code);
    verdict.wrong = std::string(words_for(status.field.code).name);
    if (!status.field.detail.empty()) {
      verdict.wrong += " (" + shown_text(status.field.detail) + ")";
    }
    verdict.wrong += ".";
    return verdict;
  }
  if (!is_useless(status.useless, facts.now)) return std::nullopt;
  Verdict verdict = from_table(status.useless.code);
  verdict.wrong = "Nothing that it sends is understood: " + useless_words(status.useless);
  if (!status.useless.sample.empty()) {
    verdict.wrong += " Last: " + shown_text(status.useless.sample);
  }
  return verdict;
}

const Error* trouble_on(const std::optional<PathFindings>& path) {
  if (!path) return nullptr;
  for (const PathStep* step :
       {&path->name, path->tcp ? &*path->tcp : nullptr, path->tls ? &*path->tls : nullptr}) {
    if (step == nullptr || !step->trouble) continue;
    // Too much was asked at once: that says nothing of the way.
    return step->trouble->code == ErrorCode::LimitExceeded ? nullptr : &*step->trouble;
  }
  return nullptr;
}

bool clock_is_to_blame(const WhyFacts& facts) {
  // Certificates are not made for the future: whoever thinks so is behind.
  if (any_has(facts, CertificateFault::NotYetValid)) return true;
  if (facts.clock_trusted) return false;
  if (any_has(facts, CertificateFault::Expired)) return true;
  const auto refused = [](const std::optional<CloudAttempt>& attempt) {
    return attempt && attempt->failure &&
           (*attempt->failure == ErrorCode::HubRefused ||
            *attempt->failure == ErrorCode::HubRefusedAfterDps ||
            *attempt->failure == ErrorCode::DpsUnauthorized ||
            *attempt->failure == ErrorCode::ClockWrong);
  };
  return refused(facts.status.last_login) || refused(facts.status.last_provisioning);
}

Verdict verdict_on(const WhyFacts& facts) {
  if (facts.status.cloud == CloudState::Online) return on_online(facts);
  if (clock_is_to_blame(facts)) return wrong_clock(facts);
  const PathFindings* const blocked = first_blocked(facts);
  const auto& failed = facts.status.cloud_failure;
  // What DPS says of the device outlasts the way to an old hub; a blocked way to DPS does not.
  const bool dps_spoke = facts.status.last_provisioning &&
                         facts.status.last_provisioning->failure &&
                         *facts.status.last_provisioning->failure != ErrorCode::DpsUnreachable;
  const bool only_hub_blocked = blocked != nullptr && trouble_on(facts.dps_path) == nullptr;
  if (blocked != nullptr && !(only_hub_blocked && dps_spoke)) return path_trouble(facts, *blocked);
  if (dps_spoke && only_hub_blocked) {
    return from_table(*facts.status.last_provisioning->failure,
                      facts.status.last_provisioning->detail);
  }
  if (failed) return from_table(*failed, facts.status.cloud_detail);
  if (!facts.gateway_runs && facts.status.last_login) {
    return {"Nothing is wrong on the way: the hub accepts " + facts.device_name +
                ". But no gateway is running.",
            "Start it: systemctl start hubward.",
            {}};
  }
  return on_its_way(facts);
}

bool is_private_address(const std::string& address) {
  std::array<int, 4> part{};
  const char* at = address.data();
  const char* const end = at + address.size();
  for (std::size_t i = 0; i < part.size(); ++i) {
    const auto [next, error] = std::from_chars(at, end, part[i]);
    if (error != std::errc{}) break;
    at = next;
    if (i < 3 && (at == end || *at != '.')) break;
    if (i < 3) ++at;
    if (i == 3 && at == end) {
      return part[0] == 0 || part[0] == 10 || part[0] == 127 ||
             (part[0] == 100 && part[1] >= 64 && part[1] < 128) ||
             (part[0] == 172 && part[1] >= 16 && part[1] < 32) ||
             (part[0] == 192 && part[1] == 168) || (part[0] == 169 && part[1] == 254);
    }
  }
  return address == "::1" || address.starts_with("fc") || address.starts_with("fd") ||
         address.starts_with("fe8");
}

}  // namespace hubward::observe
