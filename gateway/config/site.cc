#include "gateway/config/site.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <utility>

#include "gateway/config/check.h"
#include "gateway/config/device_model.h"
#include "gateway/config/device_part.h"
#include "gateway/config/gateway_part.h"
#include "gateway/config/quota.h"
#include "gateway/config/secrets.h"
#include "gateway/config/site_rules.h"
#include "proto/mqtt/topic_template.h"

namespace hubward::config {
namespace {

// A list for people and tools; what is beyond it is said in one line.
constexpr std::size_t kProblemsMax = 10'000;

// A file on its way from text to settings.
template <class T>
struct OpenFile {
  std::string text;
  Document document;
  std::optional<T> fields;  // absent: not even JSON
};

template <class T>
OpenFile<T> open_text(std::string text, const Record<T>& record) {
  OpenFile<T> file;
  file.text = std::move(text);
  file.document = parse_document(file.text);
  if (file.document.root) {
    file.fields.emplace();
    record.read(*file.document.root, *file.fields);
  }
  return file;
}

template <class T>
OpenFile<T> open_file(const std::string& path, const FileSource& files, const Record<T>& record,
                      std::vector<Problem>& problems) {
  OpenFile<T> file;
  auto text = files.read(path, kFileBytesMax);
  if (!text) {
    const bool large = text.error().code == ErrorCode::LimitExceeded;
    problems.push_back({Problem::Severity::Error,
                        path,
                        {},
                        "",
                        large ? "too-large" : "unreadable",
                        large ? "the file is larger than " + std::to_string(kFileBytesMax) +
                                    " bytes; no configuration needs that"
                              : "the file cannot be read: " + text.error().context});
    return file;
  }
  return open_text(std::move(*text), record);
}

// What is wrong with the form of a file.
template <class T>
FileReport report_on(const std::string& path, const OpenFile<T>& file, const Record<T>& record) {
  const Node* root = file.document.root ? &*file.document.root : nullptr;
  FileReport report(path, file.text, root);
  for (const auto& problem : file.document.problems) {
    report.error_at(problem.offset, problem.pointer, problem.rule, problem.text);
  }
  if (root != nullptr) check(*root, record.shape(), report);
  return report;
}

template <class T>
void append(std::vector<T>& problems, std::vector<T> more) {
  problems.insert(problems.end(), std::make_move_iterator(more.begin()),
                  std::make_move_iterator(more.end()));
}

// Why there is no gateway.json, for somebody who begins, or who named the wrong folder; nothing if
// there is one.
std::string why_missing(const std::string& folder, const FileSource& files) {
  if (files.read(folder, kFileBytesMax)) {
    return folder + " is a file; what is named is the folder that gateway.json is in";
  }
  const auto names = files.list(folder);
  if (!names || std::ranges::find(*names, "gateway.json") != names->end()) return {};
  return "there is no such file; a configuration is a folder (--config) with gateway.json, and "
         "devices.d/NAME.json for each device: the README shows the least, and share/doc/hubward "
         "or "
         "deploy has a whole example-site";
}

std::vector<std::string> device_paths(const std::string& folder, const FileSource& files,
                                      bool expects_more, std::vector<Problem>& problems) {
  const std::string devices_folder = path_from(folder, "devices.d");
  auto names = files.list(devices_folder);
  const auto refuse = [&](std::string rule, std::string text, Problem::Severity severity) {
    problems.push_back({severity, devices_folder, {}, "", std::move(rule), std::move(text)});
  };
  if (!names) {
    refuse("unreadable", "the folder cannot be read: " + names.error().context,
           Problem::Severity::Error);
    return {};
  }
  // Hidden files and editors' copies are not ours.
  std::erase_if(*names, [](const std::string& name) {
    return name.starts_with('.') || !name.ends_with(".json");
  });
  std::sort(names->begin(), names->end());
  if (names->empty() && !expects_more) {
    refuse(
        "no-devices",
        "there is no device file (NAME.json, one for each device) here, so there is nothing to do",
        Problem::Severity::Warning);
  }
  if (names->size() > kDevicesMax) {
    refuse("too-many-devices",
           "there are " + std::to_string(names->size()) + " device files; one gateway takes " +
               std::to_string(kDevicesMax),
           Problem::Severity::Error);
    names->clear();
  }
  for (auto& name : *names) name = path_from(devices_folder, name);
  return std::move(*names);
}

std::optional<DevicePart> make_device(const std::string& path, OpenFile<DeviceFile> file,
                                      const std::string& folder, const GatewayPart* gateway,
                                      const FileSource& files, const SecretSource& secrets,
                                      std::vector<Problem>& problems) {
  if (file.document.root && file.document.root->find("model") != nullptr) {
    auto of_model = add_model(*file.document.root, device_record().shape(), folder, files);
    if (!of_model.empty()) {
      // What the device leaves to its model would only seem to be missing.
      FileReport report(path, file.text, &*file.document.root);
      for (const auto& problem : of_model) {
        report.error_at(problem.offset, problem.pointer, problem.rule, problem.text);
      }
      append(problems, report.take());
      return std::nullopt;
    }
    file.fields.emplace();
    device_record().read(*file.document.root, *file.fields);
  }
  FileReport report = report_on(path, file, device_record());
  std::optional<DevicePart> part;
  if (file.fields) part = make_device_part(*file.fields, gateway, folder, secrets, report);
  append(problems, report.take());
  return part;
}

// One file at a time: its tree is gone before the next is read.
std::optional<DevicePart> load_device(const std::string& path, const std::string& folder,
                                      const GatewayPart* gateway, const FileSource& files,
                                      const SecretSource& secrets, std::vector<Problem>& problems) {
  const std::size_t before = problems.size();
  auto file = open_file(path, files, device_record(), problems);
  if (problems.size() != before) return std::nullopt;
  return make_device(path, std::move(file), folder, gateway, files, secrets, problems);
}

Result<AddedDevice> new_device(const std::string& text, const std::string& folder,
                               const GatewayPart& gateway, const FileSource& files,
                               const SecretSource& secrets) {
  std::vector<Problem> problems;
  auto part = make_device("new device", open_text(text, device_record()), folder, &gateway, files,
                          secrets, problems);
  for (const Problem& problem : problems) {
    if (problem.severity != Problem::Severity::Error) continue;
    return failure(ErrorCode::ConfigInvalid, ErrorKind::Permanent, problem.text);
  }
  auto* mqtt = part ? std::get_if<mqtt::DeviceSettings>(&part->attached) : nullptr;
  if (mqtt == nullptr) {
    return failure(ErrorCode::ConfigInvalid, ErrorKind::Permanent, "its model is no MQTT device's");
  }
  return AddedDevice{std::move(part->description), std::move(part->credential), std::move(*mqtt)};
}

// Each rule with a device of some name: what is wrong with that is wrong with all of them.
void add_onboarding(const GatewayFile& file, const std::string& folder, const FileSource& files,
                    const SecretSource& secrets, FileReport& report, GatewayPart& part) {
  std::map<std::string, std::string> heard;  // a rule's name by its topic filter
  for (const auto& [name, fields] : file.onboarding) {
    const std::string at = "/onboarding" + pointer_step(name);
    if (!report.clean(at)) continue;
    OnboardingRule rule{name,
                        fields.model,
                        fields.enrollment,
                        fields.approve,
                        fields.approve_names,
                        fields.devices_max,
                        {}};
    const auto enrollment = part.enrollments.find(fields.enrollment);
    if (enrollment != part.enrollments.end() && !enrollment->second.has_key) {
      report.error(at + "/enrollment", "missing-key",
                   "new devices get their key from that of the enrollment group, and " +
                       quoted(fields.enrollment) + " has none");
      continue;
    }
    auto device =
        new_device(new_device_text(rule, "new-device", "new-device"), folder, part, files, secrets);
    if (!device) {
      report.error(at, "onboarding", "a new device would not be right: " + device.error().context);
      continue;
    }
    const auto topic = mqtt::TopicTemplate::parse(device->mqtt.topic_template);
    if (!topic || !topic->names_device()) {
      report.error(at + "/model", "onboarding",
                   "the model's topic has no {device}, so that nothing says who a new device is");
      continue;
    }
    if (const auto [other, is_first] = heard.emplace(topic->filter(), name); !is_first) {
      report.warning(at + "/model", "onboarding",
                     "rule " + quoted(other->second) +
                         " has the same topic and hears every new device first: this one hears "
                         "none");
    }
    rule.kind = std::move(device->mqtt);
    part.settings.onboarding.push_back(std::move(rule));
  }
}

std::optional<GatewayPart> load_gateway(const std::string& folder, const FileSource& files,
                                        const SecretSource& secrets,
                                        std::vector<Problem>& problems) {
  const std::string path = path_from(folder, "gateway.json");
  const auto file = open_file(path, files, gateway_record(), problems);
  if (file.text.empty() && !problems.empty()) {
    if (const auto why = why_missing(folder, files); !why.empty()) problems.back().text = why;
    return std::nullopt;
  }
  FileReport report = report_on(path, file, gateway_record());
  std::optional<GatewayPart> part;
  if (file.fields) {
    part = make_gateway_part(*file.fields, folder, files, secrets, report);
    part->settings.folder = folder;
    add_onboarding(*file.fields, folder, files, secrets, report, *part);
  }
  append(problems, report.take());
  return part;
}

SiteSettings assemble(GatewayPart gateway, std::vector<DevicePart> devices) {
  SiteSettings settings = std::move(gateway.settings);
  settings.modbus_buses = group_buses(devices);
  settings.serial_lines = group_lines(devices);
  for (std::size_t i = 0; i < devices.size(); ++i) {
    const DeviceIndex index{static_cast<std::uint32_t>(i)};
    settings.devices.push_back(std::move(devices[i].description));
    settings.outbox.devices.push_back(devices[i].outbox);
    settings.credentials.push_back(std::move(devices[i].credential));
    if (auto* mqtt = std::get_if<mqtt::DeviceSettings>(&devices[i].attached)) {
      mqtt->device = index;
      settings.mqtt_devices.push_back(std::move(*mqtt));
    }
  }
  return settings;
}

// Nothing of it keeps the gateway from running: the cloud counts, and may be paid for more.
void check_quota(const SiteSettings& settings, const Place& tier, const std::vector<Place>& tags,
                 std::vector<Problem>& problems) {
  for (auto& excess : excesses(quota_of(settings), settings.limits)) {
    problems.push_back(problem_at(excess.device ? tags[*excess.device] : tier, "quota",
                                  std::move(excess.text), Problem::Severity::Warning));
  }
}

// By file, gateway.json first, then by place; a warning about a folder comes before its files.
void sort_problems(const std::string& folder, std::vector<Problem>& problems) {
  const std::string first = path_from(folder, "gateway.json");
  std::stable_sort(problems.begin(), problems.end(), [&](const Problem& a, const Problem& b) {
    const auto key = [&](const Problem& problem) {
      return std::tuple(problem.file != first, std::string_view(problem.file),
                        problem.rule == "more", problem.position.line, problem.position.column);
    };
    return key(a) < key(b);
  });
  if (problems.size() <= kProblemsMax) return;
  const std::size_t left_out = problems.size() - kProblemsMax;
  problems.resize(kProblemsMax);
  problems.push_back({Problem::Severity::Error,
                      folder,
                      {},
                      "",
                      "more",
                      "and " + std::to_string(left_out) + " more problems"});
}

// The files there are, and one that is still to be written.
class OneMoreFile final : public FileSource {
 public:
  OneMoreFile(const FileSource& others, std::string folder, std::string name, std::string text)
      : others_(others),
        folder_(std::move(folder)),
        name_(std::move(name)),
        text_(std::move(text)) {}

  Result<std::string> read(const std::string& path, std::size_t bytes_max) const override {
    if (path == path_from(folder_, name_)) return text_;
    return others_.read(path, bytes_max);
  }
  Result<std::vector<std::string>> list(const std::string& folder) const override {
    auto names = others_.list(folder);
    if (names && folder == folder_ &&
        std::find(names->begin(), names->end(), name_) == names->end()) {
      names->push_back(name_);
    }
    return names;
  }
  bool readable(const std::string& path) const override { return others_.readable(path); }
  std::string ready_made_models() const override { return others_.ready_made_models(); }

 private:
  const FileSource& others_;
  const std::string folder_, name_, text_;
};

}  // namespace

LoadedSite load_site(const std::string& folder, const FileSource& files,
                     const SecretSource& secrets) {
  LoadedSite site;
  auto gateway = load_gateway(folder, files, secrets, site.problems);
  std::vector<DevicePart> devices;
  const bool expects_more = gateway && !gateway->settings.onboarding.empty();
  for (const auto& path : device_paths(folder, files, expects_more, site.problems)) {
    auto part =
        load_device(path, folder, gateway ? &*gateway : nullptr, files, secrets, site.problems);
    if (part) devices.push_back(std::move(*part));
  }
  append(site.problems, check_site(devices));
  if (gateway && !has_errors(site.problems)) {
    std::vector<Place> tags;
    for (const auto& device : devices) tags.push_back(device.tags);
    const Place tier = gateway->tier;
    site.settings = assemble(std::move(*gateway), std::move(devices));
    if (site.settings->limits.tier != Tier::Unknown) {
      check_quota(*site.settings, tier, tags, site.problems);
    }
  }
  sort_problems(folder, site.problems);
  return site;
}

std::string new_device_text(const OnboardingRule& rule, const std::string& id,
                            const std::string& name_in_topic) {
  const auto quote = [](const std::string& text) { return detail::json_text(text); };
  std::string device = "{}";
  if (name_in_topic != id) device = "{\"device\": " + quote(name_in_topic) + "}";
  return "{\n  \"version\": 1,\n  \"id\": " + quote(id) + ",\n  \"model\": " + quote(rule.model) +
         ",\n  \"enrollment\": " + quote(rule.enrollment) +
         ",\n  \"attach\": {\"mqtt\": " + device + "}\n}\n";
}

Result<AddedDevice> load_new_device(const std::string& folder, const std::string& file_name,
                                    const std::string& text, const FileSource& files,
                                    const SecretSource& secrets) {
  const auto refuse = [](ErrorKind kind, std::string why) {
    return failure(ErrorCode::ConfigInvalid, kind, std::move(why));
  };
  const std::string devices = path_from(folder, "devices.d");
  const OneMoreFile with_it(files, devices, file_name, text);
  auto site = load_site(folder, with_it, secrets);
  for (const Problem& problem : site.problems) {
    if (problem.severity != Problem::Severity::Error) continue;
    const bool its_own = problem.file == path_from(devices, file_name);
    // Not by the file that is named: of two that are alike the other one may be.
    const bool also_without = has_errors(load_site(folder, files, secrets).problems);
    return refuse(also_without ? ErrorKind::Transient : ErrorKind::Permanent,
                  its_own ? problem.text : "the configuration has errors now: " + to_line(problem));
  }
  const auto document = parse_document(text);
  const Node* id = document.root ? document.root->find("id") : nullptr;
  for (std::size_t i = 0; id != nullptr && i < site.settings->devices.size(); ++i) {
    if (site.settings->devices[i].id != id->text) continue;
    for (mqtt::DeviceSettings& mqtt : site.settings->mqtt_devices) {
      if (mqtt.device.value != i) continue;
      return AddedDevice{std::move(site.settings->devices[i]),
                         std::move(site.settings->credentials[i]), std::move(mqtt)};
    }
  }
  return refuse(ErrorKind::Transient, "its model is no MQTT device's now");
}

Result<std::string> state_folder_of(const std::string& folder, const FileSource& files) {
  std::vector<Problem> problems;
  const auto file = open_file(path_from(folder, "gateway.json"), files, gateway_record(), problems);
  if (!file.fields) {
    std::string why =
        problems.empty() ? "it is not JSON; see hubward check" : problems.front().text;
    if (const auto missing = why_missing(folder, files); !missing.empty()) why = missing;
    return failure(ErrorCode::ConfigInvalid, ErrorKind::Permanent,
                   path_from(folder, "gateway.json") + ": " + why);
  }
  return path_from(folder, file.fields->state_folder);
}

}  // namespace hubward::config
