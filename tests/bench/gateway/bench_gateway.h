// A whole gateway in this process, put together as run_gateway.cc does, without files of a site,
// southbound and page: readings come from the bench.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "gateway/device/roster.h"
#include "gateway/observe/status_board.h"
#include "gateway/outbox/outbox_writer.h"
#include "gateway/platform/asio_loop.h"
#include "gateway/platform/console_log.h"
#include "gateway/platform/file_assignment_store.h"
#include "gateway/platform/mosquitto_link.h"
#include "gateway/platform/resolver.h"
#include "gateway/platform/system_clock.h"
#include "gateway/platform/system_random.h"
#include "tests/bench/gateway/metered_outbox.h"

namespace hubward::bench {

struct BenchOptions {
  std::string folder;  // for outbox and assignments
  std::string dps_host;
  std::uint16_t dps_port = 0;
  std::string id_scope;
  std::string roots_file;
  std::uint32_t devices = 1;
  std::string assigned_hub;  // host:port: every device has it in its cache. Empty: as found
  double connections_per_second = 500;
  double registrations_per_second = 500;
  std::chrono::milliseconds retry_pause_max{300'000};
};

// On the thread that runs loop().
class BenchGateway {
 public:
  BenchGateway(BenchOptions options, Log& log);

  Status start();
  // One reading of the device's only tag, as an adapter hands it up.
  void deliver(std::uint32_t device, std::int64_t value, Stored stored);
  void stop(std::function<void()> done) { roster_.stop(std::move(done)); }

  [[nodiscard]] platform::AsioLoop& loop() { return loop_; }
  [[nodiscard]] MeteredOutbox& outbox() { return metered_; }
  [[nodiscard]] device::DeviceRoster& roster() { return roster_; }
  [[nodiscard]] std::uint32_t devices() const { return options_.devices; }

 private:
  const BenchOptions options_;
  Log& log_;
  platform::SystemClock clock_;
  platform::AsioLoop loop_;
  platform::SystemRandom random_;
  platform::Resolver resolver_;
  observe::StatusBoard board_;
  platform::FileAssignmentStore assignments_;
  outbox::OutboxWriter outbox_;
  MeteredOutbox metered_;
  std::unique_ptr<platform::MosquittoLinkOpener> links_;
  const device::CloudSettings settings_;
  AlwaysGranted leases_;
  NoBackoffStore backoffs_;
  device::AdmissionDesk admission_;
  device::WriteGate writes_;
  std::vector<std::unique_ptr<Signer>> signers_;
  device::StatusRounds status_;
  device::DeviceRoster roster_;
};

}  // namespace hubward::bench
