#include "gateway/onboarding.h"

#include <algorithm>
#include <utility>

#include "gateway/control/refused_names.h"
#include "gateway/platform/atomic_file.h"

namespace hubward {
namespace {

std::vector<control::NewcomerRule> rules_of(const config::SiteSettings& site) {
  std::vector<control::NewcomerRule> rules;
  for (const config::OnboardingRule& rule : site.onboarding) {
    const auto devices = std::count_if(site.mqtt_devices.begin(), site.mqtt_devices.end(),
                                       [&](const mqtt::DeviceSettings& one) {
                                         return one.topic_template == rule.kind.topic_template;
                                       });
    rules.push_back({rule.name, rule.approve == config::OnboardingRule::Approve::All,
                     rule.approve_names, rule.devices_max, static_cast<std::size_t>(devices)});
  }
  return rules;
}

tl::unexpected<Error> no(std::string why) {
  return failure(ErrorCode::ConfigInvalid, ErrorKind::Permanent, std::move(why));
}

}  // namespace

Onboarding::Onboarding(Parts parts)
    : parts_(std::move(parts)),
      newcomers_(rules_of(parts_.site)),
      refused_file_({parts_.refused_path, "refused_devices", "devices that were refused wait again",
                     std::chrono::milliseconds{300}, std::chrono::milliseconds{10000}},
                    parts_.log, [this] {
                      const std::lock_guard lock(refused_mutex_);
                      return refused_text_;
                    }) {
  refused_file_.read(control::kRefusedBytesMax, [this](const std::string& text) {
    const auto names = control::refused_in(text);
    if (names) newcomers_.restore_refused(*names);
    return names.has_value();
  });
  refused_text_ = control::refused_text(newcomers_.look().refused);
}

void Onboarding::heard(std::size_t rule, std::string_view name, std::string_view topic,
                       std::string_view payload) {
  const Clock& clock = parts_.loop.clock();
  if (!newcomers_.hear(rule, {name, topic, payload}, clock.wall(), clock.steady())) return;
  const std::string id(name);
  add(id, id, rule, By::Rule, [](const Result<Approved>&) {});
}

void Onboarding::approve(const std::string& name, const std::string& id, Done done) {
  if (newcomers_.forgive(name)) {
    keep_refused();
    return done(Approved{.waits_again = true});
  }
  const auto rule = newcomers_.waiting(name);
  if (!rule) {
    return done(no("no device of the name \"" + name +
                   "\" waits for an approval; it does from its first message on. The broker's log "
                   "says whether it came and was let in: deploy/mosquitto/README.md, \"A new "
                   "device, step by step\""));
  }
  add(name, id.empty() ? name : id, *rule, By::Hand, std::move(done));
}

// Two things look the same from here: another device of that name, and the one that we know under
// a topic that its file does not say.
std::string Onboarding::taken_id(const std::string& id) const {
  const std::string known = "there is a device with the id \"" + id + "\" already";
  const auto& site = parts_.site;
  for (const mqtt::DeviceSettings& one : site.mqtt_devices) {
    if (site.devices[one.device.value].id != id) continue;
    return known + ", whose file says the topic " + one.topic_template + " and the name " +
           one.device_name +
           "; if it is the same one, correct that and restart hubward, else say "
           "another id with --id";
  }
  return known + "; say another one with --id";
}

NewcomersStatus Onboarding::look() const {
  NewcomersStatus status = newcomers_.look();
  for (Newcomer& one : status.waiting) {
    if (one.problem.empty() && parts_.board.find(one.name)) one.problem = taken_id(one.name);
  }
  return status;
}

Status Onboarding::refuse(const std::string& name) {
  auto refused = newcomers_.refuse(name);
  if (!refused) return refused;
  keep_refused();
  parts_.log.write(LogLevel::Info, "newcomer_refused", {{"name", name}});
  return refused;
}

void Onboarding::keep_refused() {
  {
    const std::lock_guard lock(refused_mutex_);
    refused_text_ = control::refused_text(newcomers_.look().refused);
  }
  refused_file_.changed();
}

void Onboarding::add(const std::string& name, const std::string& id, std::size_t rule, By by,
                     Done done) {
  const SteadyTime now = parts_.loop.clock().steady();
  std::string problem;
  if (!control::is_device_id(id)) {
    problem = "\"" + id +
              "\" can be no id: 1 to 64 lower-case letters, digits and dashes, with no dash at "
              "either end; say another one with --id";
  } else if (parts_.board.find(id)) {
    problem = taken_id(id);
  }
  if (parts_.board.site().devices.size() >= config::kDevicesMax) {
    problem = "there are as many devices as one gateway takes";
  }
  if (!problem.empty()) {
    newcomers_.failed(name, problem, control::Newcomers::Fault::Newcomer, now);
    return done(no(std::move(problem)));
  }
  newcomers_.begin(name);
  work_.run([this, name, id, rule, by, done = std::move(done)] {
    // Shared with the loop, whose work must be copyable.
    auto made = std::make_shared<Made>(make(parts_.site.onboarding[rule], id, name));
    parts_.loop.post(
        [this, name, id, by, made, done] { finish(name, id, by, std::move(*made), done); });
  });
}

// The file is written after all of it has been checked, and before the device runs.
Onboarding::Made Onboarding::make(const config::OnboardingRule& rule, const std::string& id,
                                  const std::string& name) const {
  const std::string file_name = id + ".json";
  const std::string file = parts_.site.folder + "/devices.d/" + file_name;
  const std::string text = config::new_device_text(rule, id, name);
  auto device =
      config::load_new_device(parts_.site.folder, file_name, text, parts_.files, parts_.secrets);
  if (!device) return {std::move(device), file};
  if (auto written = platform::create_file(file, text); !written) {
    return {tl::unexpected(written.error()), file};
  }
  return {std::move(device), file};
}

void Onboarding::finish(const std::string& name, const std::string& id, By by, Made made,
                        const Done& done) {
  const Clock& clock = parts_.loop.clock();
  if (!made.device) {
    const std::string& why = made.device.error().context;
    // What may pass by itself, as a full disk, is nothing of this one's.
    const bool passes = made.device.error().kind == ErrorKind::Transient;
    using enum control::Newcomers::Fault;
    newcomers_.failed(name, why, passes ? Rule : Newcomer, clock.steady());
    parts_.log.write(LogLevel::Warn, "newcomer_not_added", {{"name", name}, {"reason", why}});
    return done(tl::unexpected(made.device.error()));
  }
  const Status joined = parts_.join(std::move(*made.device));
  if (joined) {
    newcomers_.added(name);
  } else {
    newcomers_.added_for_later(name, joined.error().context);
  }
  Approved approved{id, made.file, joined ? "" : joined.error().context};
  parts_.log.write(LogLevel::Info, "device_added",
                   {{"device", id},
                    {"name", name},
                    {"by", by == By::Hand ? "hand" : "rule"},
                    {"file", made.file},
                    {"from", joined ? "now" : "next start"}});
  parts_.board.event({clock.wall(), parts_.board.find(id), "device_added",
                      "The device " + id + " was approved by " +
                          (by == By::Hand ? "hand" : "its rule") + "; its file is " + made.file +
                          (joined ? "." : ", and it begins at the next start.")});
  done(std::move(approved));
}

}  // namespace hubward
