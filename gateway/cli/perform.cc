#include "gateway/cli/perform.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "gateway/cli/colour.h"
#include "gateway/config/quota.h"
#include "gateway/resilience/diagnosis.h"
#include "proto/json.h"

namespace hubward::cli {
namespace {

using config::LoadedSite;
using config::Problem;

std::string counted(std::size_t count, const std::string& one, const std::string& many) {
  return std::to_string(count) + " " + (count == 1 ? one : many);
}

std::size_t warnings_in(const LoadedSite& site) {
  return static_cast<std::size_t>(std::count_if(
      site.problems.begin(), site.problems.end(),
      [](const Problem& problem) { return problem.severity == Problem::Severity::Warning; }));
}

std::size_t tags_of(const config::SiteSettings& settings) {
  std::size_t tags = 0;
  for (const auto& device : settings.devices) tags += device.tags.size();
  return tags;
}

std::string problem_lines(const LoadedSite& site, const Paint& paint) {
  std::string out;
  for (const auto& problem : site.problems) {
    const bool warning = problem.severity == Problem::Severity::Warning;
    out += paint(warning ? Colour::Yellow : Colour::Red, config::to_line(problem)) + "\n";
  }
  return out;
}

std::string summary_line(const LoadedSite& site) {
  const std::size_t warnings = warnings_in(site);
  const std::string and_warnings =
      warnings == 0 ? "" : ", " + counted(warnings, "warning", "warnings");
  if (site.settings) {
    return "fine: " + counted(site.settings->devices.size(), "device", "devices") + ", " +
           counted(tags_of(*site.settings), "tag", "tags") + and_warnings;
  }
  std::set<std::string> files;
  for (const auto& problem : site.problems) files.insert(problem.file);
  return counted(site.problems.size() - warnings, "problem", "problems") + and_warnings + " in " +
         counted(files.size(), "file", "files");
}

// {"messages_a_day", "blocks_of_4_kb", "blocks_of_half_kb", "unknown", "devices": [...]}: whole
// numbers; a device without them sends by itself.
void write_quota(json::Writer& out, const config::SiteSettings& settings) {
  const config::SiteQuota quota = config::quota_of(settings);
  const auto amounts = [&](double messages, double of_4_kb, double of_half_kb) {
    out.Key("messages_a_day");
    out.Int64(static_cast<std::int64_t>(std::ceil(messages)));
    out.Key("blocks_of_4_kb");
    out.Int64(static_cast<std::int64_t>(std::ceil(of_4_kb)));
    out.Key("blocks_of_half_kb");
    out.Int64(static_cast<std::int64_t>(std::ceil(of_half_kb)));
  };
  out.Key("quota");
  out.StartObject();
  amounts(quota.messages_a_day, quota.blocks_of_4_kb, quota.blocks_of_half_kb);
  out.Key("unknown");
  out.Uint64(quota.unknown);
  out.Key("devices");
  out.StartArray();
  for (std::size_t i = 0; i < quota.devices.size(); ++i) {
    const config::DeviceQuota& device = quota.devices[i];
    out.StartObject();
    out.Key("id");
    out.String(settings.devices[i].id);
    if (device.messages_a_day) {
      amounts(*device.messages_a_day, device.blocks_of_4_kb, device.blocks_of_half_kb);
    }
    out.EndObject();
  }
  out.EndArray();
  out.EndObject();
}

std::string problems_json(const LoadedSite& site) {
  rapidjson::StringBuffer buffer;
  json::Writer out(buffer);
  const auto text = [&](const char* key, const std::string& value) {
    out.Key(key);
    out.String(value.data(), static_cast<rapidjson::SizeType>(value.size()));
  };
  const auto number = [&](const char* key, std::size_t value) {
    out.Key(key);
    out.Uint64(value);
  };
  out.StartObject();
  out.Key("problems");
  out.StartArray();
  for (const auto& problem : site.problems) {
    out.StartObject();
    text("severity", problem.severity == Problem::Severity::Warning ? "warning" : "error");
    text("file", problem.file);
    if (problem.position.line != 0) {
      number("line", problem.position.line);
      number("column", problem.position.column);
    }
    text("pointer", problem.pointer);
    text("rule", problem.rule);
    text("text", problem.text);
    out.EndObject();
  }
  out.EndArray();
  number("errors", site.problems.size() - warnings_in(site));
  number("warnings", warnings_in(site));
  if (site.settings) {
    number("devices", site.settings->devices.size());
    number("tags", tags_of(*site.settings));
    write_quota(out, *site.settings);
  }
  out.EndObject();
  return std::string(buffer.GetString(), buffer.GetSize()) + "\n";
}

}  // namespace

Outcome perform(const Check& command, const Surroundings& world) {
  const auto site = config::load_site(command.folder, world.files, world.secrets);
  Outcome outcome;
  outcome.status = site.settings ? kExitFine : kExitProblems;
  if (command.json) {
    outcome.out = problems_json(site);
    return outcome;
  }
  outcome.out = problem_lines(site, Paint(world.colour));
  if (site.settings && !site.settings->devices.empty()) {
    outcome.out += config::quota_text(*site.settings, config::quota_of(*site.settings)) + "\n";
  }
  outcome.out += summary_line(site) + "\n";
  return outcome;
}

Outcome perform(const Schema& command, const Surroundings&) {
  return {kExitFine,
          command.markdown ? config::reference_markdown(command.kind)
                           : config::schema_json(command.kind),
          ""};
}

Outcome perform(const ExplainFailures&, const Surroundings&) {
  return {kExitFine, resilience::diagnosis_markdown(), ""};
}

Outcome perform(const Version&, const Surroundings& world) {
  return {kExitFine, "hubward " + world.version + "\n", ""};
}

Outcome refuse_to_run(const std::string& folder, const LoadedSite& site) {
  return {kExitBadConfiguration, "",
          problem_lines(site, Paint(false)) + "hubward does not start: " + summary_line(site) +
              "; `hubward check --config " + folder + "` shows them again\n"};
}

}  // namespace hubward::cli
