#include "gateway/api/failure_words.h"
#include "gateway/cli/perform.h"
#include "gateway/config/document.h"
#include "gateway/config/tag_import.h"

namespace hubward::cli {

Outcome perform(const ImportTags& command, const Surroundings& world) {
  const auto text = world.files.read(command.file, config::kFileBytesMax);
  if (!text) {
    const bool large = text.error().code == ErrorCode::LimitExceeded;
    return {kExitProblems, "",
            "hubward: " + command.file + ": " +
                (large ? "the file is larger than 1 MB" : text.error().context) + "\n"};
  }
  config::TagCsvOptions options;
  options.take_access = command.take_access;
  if (command.interval_ms != 0) options.interval = std::chrono::milliseconds{command.interval_ms};
  const auto imported = config::import_tags(*text, options);
  Outcome outcome;
  outcome.out = imported.json;
  const auto add = [&](const config::CsvProblem& problem, const char* word) {
    outcome.err +=
        command.file + ":" + std::to_string(problem.line) + ": " + word + problem.text + "\n";
  };
  for (const auto& problem : imported.problems) add(problem, "");
  for (const auto& warning : imported.warnings) add(warning, "warning: ");
  for (const auto& note : imported.notes) outcome.err += "hubward: " + note + "\n";
  if (!imported.problems.empty()) {
    outcome.status = kExitProblems;
    outcome.err += "hubward: nothing was imported; " + std::to_string(imported.problems.size()) +
                   (imported.problems.size() == 1 ? " problem" : " problems") + " above\n";
  } else {
    outcome.err +=
        "hubward: " + std::to_string(imported.count) + (imported.count == 1 ? " tag\n" : " tags\n");
  }
  return outcome;
}

}  // namespace hubward::cli
