#include "gateway/why_alone.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>
#include <utility>

#include "gateway/control/why_view.h"
#include "gateway/device/login_trial.h"
#include "gateway/device/provisioner.h"
#include "gateway/identity_signer.h"
#include "gateway/observe/path_book.h"
#include "gateway/observe/why.h"
#include "gateway/part_settings.h"
#include "gateway/platform/asio_loop.h"
#include "gateway/platform/file_assignment_store.h"
#include "gateway/platform/mosquitto_link.h"
#include "gateway/platform/path_probe.h"
#include "gateway/platform/resolver.h"
#include "gateway/platform/state_folder.h"
#include "gateway/platform/system_clock.h"
#include "gateway/platform/system_limits.h"
#include "gateway/resilience/clock_watch.h"

namespace hubward {
namespace {

// Nobody reads a log of this; what matters is the answer.
class NoLog final : public Log {
 public:
  void write(LogLevel, std::string_view, std::initializer_list<LogField>) override {}
};

bool leads_to_dps(const CloudAttempt& login) {
  return login.failure == ErrorCode::HubRefused || login.failure == ErrorCode::HubBadClient ||
         login.failure == ErrorCode::NameUnknown || login.failure == ErrorCode::Unreachable;
}

// One walk on a loop of its own. At most one conversation with DPS and two logins: at the hub that
// is known, and at the one that DPS names instead.
class Walk {
 public:
  Walk(const config::SiteSettings& site, std::size_t index, Signer& signer,
       std::optional<Assignment> cached, platform::AsioLoop& loop, MqttLinkOpener& links,
       PathProbe& probe)
      : description_(site.devices[index]),
        settings_(cloud_settings(site)),
        signer_(signer),
        assignment_(std::move(cached)),
        loop_(loop),
        paths_(probe, loop),
        login_(settings_, description_.model_id, loop, links, signer),
        provisioner_(settings_, description_.id, description_.model_id, loop, links, signer) {
    facts_.gateway_runs = false;
    facts_.device_id = description_.id;
    facts_.device_name = description_.display_name;
    facts_.dps = {settings_.dps_host, settings_.dps_port};
    facts_.status.cloud = CloudState::BackingOff;
    facts_.tried_for_this = true;
  }

  std::string run() {
    loop_.post([this] {
      paths_.look(facts_.dps.host, facts_.dps.port, [this](const PathFindings& found) {
        facts_.dps_path = found;
        assignment_ ? look_at_hub() : ask_dps();
      });
    });
    loop_.run();
    facts_.now = loop_.clock().wall();
    facts_.clock_trusted = loop_.clock().wall_is_trusted();
    return observe::why_json(observe::why(facts_), false);
  }

 private:
  void look_at_hub() {
    facts_.status.assigned_hub = assignment_->assigned_hub;
    facts_.hub = control::cloud_host(assignment_->assigned_hub);
    if (!facts_.hub) return ask_dps();
    paths_.look(facts_.hub->host, facts_.hub->port, [this](const PathFindings& found) {
      facts_.hub_path = found;
      if (!found.passed()) return ask_dps();
      login_.start(*assignment_, [this](CloudAttempt attempt) { on_login(std::move(attempt)); });
    });
  }

  void on_login(CloudAttempt attempt) {
    facts_.status.last_login = std::move(attempt);
    const auto& failure = facts_.status.last_login->failure;
    if (!failure) {
      facts_.status.cloud_failure.reset();
      return loop_.stop();
    }
    facts_.status.cloud_failure =
        asked_dps_ && *failure == ErrorCode::HubRefused ? ErrorCode::HubRefusedAfterDps : *failure;
    facts_.status.cloud_detail = facts_.status.last_login->detail;
    leads_to_dps(*facts_.status.last_login) ? ask_dps() : loop_.stop();
  }

  void ask_dps() {
    if (asked_dps_ || !facts_.dps_path->passed()) return loop_.stop();
    asked_dps_ = true;
    provisioner_.start([this](device::ProvisioningResult result) {
      CloudAttempt& last = facts_.status.last_provisioning.emplace();
      last.at = loop_.clock().wall();
      if (!result.assigned) {
        last.failure = resilience::diagnose(result.symptom).code;
        last.detail = result.detail;
        facts_.status.cloud_failure = last.failure;
        facts_.status.cloud_detail = last.detail;
        return loop_.stop();
      }
      last.detail = result.assigned->assigned_hub;
      const bool same = assignment_ && assignment_->assigned_hub == result.assigned->assigned_hub &&
                        assignment_->device_id == result.assigned->device_id;
      if (same) {
        if (facts_.status.cloud_failure == ErrorCode::HubRefused) {
          facts_.status.cloud_failure = ErrorCode::HubRefusedAfterDps;
        }
        return loop_.stop();
      }
      assignment_ = Assignment{result.assigned->assigned_hub, result.assigned->device_id,
                               settings_.id_scope, description_.id, signer_.fingerprint()};
      look_at_hub();
    });
  }

  const DeviceDescription description_;
  const device::CloudSettings settings_;
  Signer& signer_;
  std::optional<Assignment> assignment_;
  platform::AsioLoop& loop_;
  observe::PathBook paths_;
  device::LoginTrial login_;
  device::Provisioner provisioner_;
  observe::WhyFacts facts_;
  bool asked_dps_ = false;
};

tl::unexpected<Error> says(ErrorCode code, std::string sentence) {
  return failure(code, ErrorKind::Permanent, std::move(sentence));
}

}  // namespace

Result<std::string> why_alone(const config::SiteSettings& site, const std::string& device_id) {
  const auto device =
      std::find_if(site.devices.begin(), site.devices.end(),
                   [&](const DeviceDescription& one) { return one.id == device_id; });
  if (device == site.devices.end()) {
    return says(ErrorCode::Malformed, "no file of devices.d has the id \"" + device_id + "\"");
  }
  const auto index = static_cast<std::size_t>(device - site.devices.begin());
  auto signer = make_signer(site.credentials[index], device_id);
  if (!signer) return tl::unexpected(signer.error());
  platform::bound_name_lookups();
  // Without a folder there was never a gateway; to make one here would give it a wrong owner.
  std::optional<platform::StateFolder> folder;
  std::optional<Assignment> cached;
  NoLog log;
  std::error_code ignored;
  if (std::filesystem::exists(site.state_folder, ignored)) {
    auto opened = platform::StateFolder::open(site.state_folder);
    if (!opened) return tl::unexpected(opened.error());
    folder.emplace(std::move(*opened));
    const platform::FileAssignmentStore known(folder->file("assignments.json"), log);
    cached = known.load(site.dps.id_scope, device_id, (*signer)->fingerprint());
  }
  platform::SystemClock clock;
  resilience::ClockWatch watch(platform::SystemClock::built(),
                               folder ? folder->newest_file_time() : WallTime{});
  const resilience::ClockLook at{clock.wall(), clock.steady()};
  (void)watch.look(at, clock.is_synchronised());
  clock.judge(!watch.is_wrong(), at.wall, at.steady);
  platform::AsioLoop loop(clock);
  platform::Resolver resolver;
  auto links = platform::MosquittoLinkOpener::create(site.trusted_roots_file, resolver, loop);
  if (!links) return tl::unexpected(links.error());
  auto probe = platform::NetworkPathProbe::create(site.trusted_roots_file, resolver, loop);
  if (!probe) return tl::unexpected(probe.error());
  Walk walk(site, index, **signer, std::move(cached), loop, **links, **probe);
  return walk.run();
}

}  // namespace hubward
