// DPS and hub links over libmosquitto 2.0.11.
#pragma once

#include <memory>
#include <string>

#include "gateway/api/mqtt_link.h"

namespace hubward::platform {

class Resolver;

// Opens links that trust the certificates of one file. Use on one AsioLoop, on its thread; links
// and `resolver` as the opener: the links may outlive the opener, the loop outlives all.
class MosquittoLinkOpener final : public MqttLinkOpener {
 public:
  // What one link may have accepted and not yet written to its socket: four messages of the
  // largest size the hub takes. Past it publish() says no.
  static constexpr std::size_t kUnsentBytesMax = 1024 * 1024;
  // Acknowledgements one link may wait for. The session's own window is far smaller.
  static constexpr std::size_t kInFlightMax = 1000;
  // How long a DISCONNECT may take to leave before the socket is closed under it.
  static constexpr std::chrono::seconds kGoodbyeMax{2};

  // Error ConfigInvalid: the trusted roots cannot be read. They are read once, for all links.
  [[nodiscard]] static Result<std::unique_ptr<MosquittoLinkOpener>> create(
      const std::string& roots_file, Resolver& resolver, Loop& loop);
  ~MosquittoLinkOpener() override;

  // `loop` is the one given to create().
  std::unique_ptr<MqttLink> open(MqttLinkEvents& events, Loop& loop) override;

  struct Shared;

 private:
  explicit MosquittoLinkOpener(std::shared_ptr<Shared> shared);
  std::shared_ptr<Shared> shared_;  // with the links
};

}  // namespace hubward::platform
