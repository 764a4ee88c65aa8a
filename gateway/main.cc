// The program: reads the command line, and runs the gateway or answers a question about it.
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <functional>
#include <string>
#include <variant>
#include <vector>

#include "gateway/api/failure_words.h"
#include "gateway/cli/command_line.h"
#include "gateway/cli/perform.h"
#include "gateway/config/site.h"
#include "gateway/modbus_alone.h"
#include "gateway/platform/control_socket.h"
#include "gateway/run_gateway.h"
#include "gateway/serial_listen.h"
#include "gateway/version.h"
#include "gateway/why_alone.h"

namespace {

using namespace hubward;

// A running gateway answers from memory; one that does not within this time hangs.
constexpr std::chrono::seconds kAskMax{5};
// A little longer than the gateway takes at most for a drill or an attempt to connect.
constexpr std::chrono::seconds kAskPatientlyMax = platform::ControlSocket::kAnswerTimeMax;

// Both may be the same file or terminal: what was said first stands first there.
int finish(const cli::Outcome& outcome) {
  std::fputs(outcome.out.c_str(), stdout);
  std::fflush(stdout);
  std::fputs(outcome.err.c_str(), stderr);
  return outcome.status;
}

int run(const cli::Run& command, const cli::Surroundings& world) {
  const auto site = config::load_site(command.folder, world.files, world.secrets);
  if (!site.settings) return finish(cli::refuse_to_run(command.folder, site));
  for (const auto& problem : site.problems) {
    std::fprintf(stderr, "%s\n", config::to_line(problem).c_str());
  }
  const auto ran = run_gateway(*site.settings, world.files, world.secrets);
  if (ran) return cli::kExitFine;
  const FailureWords& words = words_for(ran.error().code);
  std::string sentence = "hubward does not start: " + std::string(words.name);
  if (!ran.error().context.empty()) sentence += " (" + ran.error().context + ")";
  sentence += ". " + std::string(words.person_does);
  std::fprintf(stderr, "%s\n", sentence.c_str());
  return ran.error().code == ErrorCode::ConfigInvalid ? cli::kExitBadConfiguration
                                                      : cli::kExitProblems;
}

// One line that is written over, and only where somebody looks on.
std::function<void(const std::string&)> progress_for_people() {
  if (isatty(STDERR_FILENO) != 1) return {};
  return [](const std::string& line) { std::fprintf(stderr, "\r\033[K%s", line.c_str()); };
}

// Takes the line of progress away first, if there is one. An empty text only does that.
void put_out(const std::string& text) {
  if (isatty(STDERR_FILENO) == 1) std::fputs("\r\033[K", stderr);
  std::fputs(text.c_str(), stdout);
  std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
  const auto parsed = cli::parse_command_line(std::vector<std::string>(argv + 1, argv + argc));
  if (const auto* outcome = std::get_if<cli::Outcome>(&parsed)) return finish(*outcome);
  const auto files = config::disk_files();
  const auto secrets = config::machine_secrets();
  const cli::Surroundings world{*files,
                                *secrets,
                                [](const std::string& path, const std::string& request) {
                                  return platform::ask_control_socket(path, request, kAskMax);
                                },
                                [](const std::string& path, const std::string& request) {
                                  return platform::ask_control_socket(path, request,
                                                                      kAskPatientlyMax);
                                },
                                why_alone,
                                kVersion,
                                isatty(STDOUT_FILENO) == 1 && std::getenv("NO_COLOR") == nullptr,
                                exchange_alone,
                                write_alone,
                                progress_for_people(),
                                put_out};
  return std::visit(
      [&](const auto& command) {
        if constexpr (std::is_same_v<std::decay_t<decltype(command)>, cli::Run>) {
          return run(command, world);
        } else if constexpr (std::is_same_v<std::decay_t<decltype(command)>, cli::SerialListen>) {
          return serial_listen(command);
        } else {
          return finish(cli::perform(command, world));
        }
      },
      std::get<cli::Command>(parsed));
}
