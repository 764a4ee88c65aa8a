#pragma once

#include <array>
#include <memory>
#include <string>

#include "gateway/api/loop.h"
#include "gateway/api/path_probe.h"
#include "gateway/platform/work_thread.h"

namespace hubward::platform {

class Resolver;

// Looks at the way to a host with sockets of its own, beside the links that run. Names are resolved
// by the resolver's threads, TCP and TLS are waited for on two threads of its own. On one loop.
class NetworkPathProbe final : public PathProbe {
 public:
  // The longest each step may take; a name server and a firewall that drops packets answer never.
  static constexpr std::chrono::seconds kNameMax{8};
  static constexpr std::chrono::seconds kTcpMax{6};  // over all addresses of the name
  static constexpr std::chrono::seconds kTlsMax{8};
  // Probes under way; what is asked beyond them is refused at once (LimitExceeded as the name's
  // trouble).
  static constexpr std::size_t kUnderWayMax = 8;

  // `roots_file`: as the links trust it. Error ConfigInvalid: it cannot be read. `resolver` and
  // `loop` outlive the probe.
  [[nodiscard]] static Result<std::unique_ptr<NetworkPathProbe>> create(
      const std::string& roots_file, Resolver& resolver, Loop& loop);
  // Breaks off what is under way, within a fraction of a second; no `done` runs any more.
  ~NetworkPathProbe() override;
  NetworkPathProbe(const NetworkPathProbe&) = delete;
  NetworkPathProbe& operator=(const NetworkPathProbe&) = delete;

  void probe(const std::string& host, std::uint16_t port,
             std::function<void(PathFindings)> done) override;

 private:
  struct Shared;
  struct Task;
  NetworkPathProbe(std::shared_ptr<Shared> shared, Resolver& resolver, Loop& loop);
  void on_name(const std::shared_ptr<Task>& task,
               const Result<std::vector<std::string>>& addresses);
  void finish(const std::shared_ptr<Task>& task);

  std::shared_ptr<Shared> shared_;  // with the answers that are out
  Resolver& resolver_;
  Loop& loop_;
  std::size_t under_way_ = 0;
  std::size_t next_thread_ = 0;
  std::array<WorkThread, 2> threads_;  // last: their work uses the rest
};

}  // namespace hubward::platform
