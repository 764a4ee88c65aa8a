#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "gateway/cli/command.h"
#include "gateway/config/file_source.h"
#include "gateway/config/secret_source.h"
#include "gateway/config/site.h"
#include "proto/modbus/ask.h"
#include "proto/result.h"

namespace hubward::cli {

// Asks the running gateway: path of its control socket and one line of JSON in, one line out. The
// platform's ask_control_socket() with a time-out; the error's context is a whole sentence.
using AskGateway =
    std::function<Result<std::string>(const std::string& socket_path, const std::string& request)>;

// Walks for one device while no gateway runs: observe::why_json, or a sentence on why not.
using WalkAlone =
    std::function<Result<std::string>(const config::SiteSettings& site, const std::string& device)>;

// Told each answer as it comes. A request that it names goes next; its answer stands behind this
// one among all answers.
using HeardModbus = std::function<std::optional<modbus::Ask>(const modbus::Ask& ask,
                                                             const Result<modbus::Answer>& answer)>;

// Asks Modbus units over a connection of its own and waits; one answer for each request. `heard`
// may be empty.
using ExchangeModbus = std::function<std::vector<Result<modbus::Answer>>(
    const modbus::Attachment& attachment, const std::vector<modbus::Ask>& asks,
    std::chrono::milliseconds response_timeout, const HeardModbus& heard)>;

// Writes to a tag while no gateway runs: the request and the answer of the control socket's
// "write".
using WriteAlone =
    std::function<std::string(const config::SiteSettings& site, const std::string& request)>;

// The world as commands see it; tests hand them another.
struct Surroundings {
  const config::FileSource& files;
  const config::SecretSource& secrets;
  AskGateway ask;
  AskGateway ask_patiently;  // for what takes its time: a drill, an attempt to connect
  WalkAlone walk_alone;
  std::string version;
  bool colour = false;  // standard output is a terminal, and NO_COLOR is not set
  ExchangeModbus exchange{};
  WriteAlone write_alone{};
  // Says at once how far a long command is, to somebody who waits; may be empty.
  std::function<void(const std::string& line)> tell_progress{};
  // Puts out at once what a long command has found, so that it is not lost when somebody ends it;
  // empty: it is said at the end.
  std::function<void(const std::string& text)> put_out{};
};

// Everything but `run`, which only main can do.
[[nodiscard]] Outcome perform(const Check& command, const Surroundings& world);
[[nodiscard]] Outcome perform(const Schema& command, const Surroundings& world);
[[nodiscard]] Outcome perform(const Plan& command, const Surroundings& world);
[[nodiscard]] Outcome perform(const ShowStatus& command, const Surroundings& world);
[[nodiscard]] Outcome perform(const Maintenance& command, const Surroundings& world);
[[nodiscard]] Outcome perform(const ExportQuarantine& command, const Surroundings& world);
[[nodiscard]] Outcome perform(const Why& command, const Surroundings& world);
[[nodiscard]] Outcome perform(const DrillFailover& command, const Surroundings& world);
[[nodiscard]] Outcome perform(const Onboard& command, const Surroundings& world);
[[nodiscard]] Outcome perform(const ReadOnce& command, const Surroundings& world);
[[nodiscard]] Outcome perform(const WriteOnce& command, const Surroundings& world);
[[nodiscard]] Outcome perform(const Scan& command, const Surroundings& world);
[[nodiscard]] Outcome perform(const ImportTags& command, const Surroundings& world);
[[nodiscard]] Outcome perform(const ExplainFailures& command, const Surroundings& world);
[[nodiscard]] Outcome perform(const Version& command, const Surroundings& world);

// What `hubward read`, `write` and `scan` need no secrets for: the person need not be one who may
// read them.
class AnySecret final : public config::SecretSource {
 public:
  Result<SecretText> load(const config::SecretReference&) const override {
    return SecretText(std::string("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="));
  }
};

// For `run` with a configuration that has errors: says them, status 78.
[[nodiscard]] Outcome refuse_to_run(const std::string& folder, const config::LoadedSite& site);

}  // namespace hubward::cli
