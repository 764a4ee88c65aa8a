// One life of the gateway's process: real resilience, sessions and store on simulated time.
#pragma once

#include <cstdio>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gateway/api/log.h"
#include "gateway/device/roster.h"
#include "gateway/device/status_rounds.h"
#include "gateway/resilience/clock_watch.h"
#include "tests/sim/cloud/signature.h"
#include "tests/sim/simulation/referee.h"
#include "tests/sim/simulation/simulated_link.h"
#include "tests/sim/simulation/simulated_machine.h"
#include "tests/sim/simulation/watched_outbox.h"

namespace hubward::simulation {

inline constexpr std::string_view kIdScope = "0ne00AB12CD";

// The group enrollment's key; devices' own keys are derived from it.
[[nodiscard]] const simcloud::Key& group_key();

// The gateway's own log: told to the referee, and to a person who looks into a seed.
class WatchedLog final : public Log {
 public:
  WatchedLog(bool narrate, const Clock& world, Referee& referee)
      : narrate_(narrate), world_(world), referee_(referee) {}
  void write(LogLevel level, std::string_view event,
             std::initializer_list<LogField> fields) override;

 private:
  bool narrate_;
  const Clock& world_;
  Referee& referee_;
};

class GatewayProcess {
 public:
  // What the process finds when it starts; all of it outlives it.
  struct Surroundings {
    const Scale& scale;
    const Clock& world;
    SimulatedNetwork& network;
    SimulatedMachine& machine;
    Bookkeeper& books;
    Referee& referee;
    RandomSource& random;
    bool narrate = false;
  };
  // `configured`: the devices in the configuration, in its order.
  GatewayProcess(Surroundings around, std::vector<std::size_t> configured);
  ~GatewayProcess();
  GatewayProcess(const GatewayProcess&) = delete;
  GatewayProcess& operator=(const GatewayProcess&) = delete;

  test::ManualLoop loop;  // on the machine's clock

  // False: the device is not in the configuration.
  bool deliver(std::size_t device, std::uint64_t counter, Stored stored);
  [[nodiscard]] bool everybody_is_online() const;
  // Whoever is not online, and why, one line each.
  [[nodiscard]] std::vector<std::string> complaints() const;
  [[nodiscard]] test::SimulatedOutbox& outbox() { return outbox_->simulated(); }
  // The first queue that is longer than it may be, if one is.
  [[nodiscard]] std::optional<std::string> unbounded() const;

 private:
  // As ClockRounds, for the devices alone.
  void look_at_clock();

  struct Unseen final : StatusSink {
    void device(const DeviceStatus&) override {}
    void bad_input(const BadInput&) override {}
    void event(SiteEvent) override {}
  };

  Surroundings around_;
  std::vector<std::size_t> configured_;
  std::vector<std::optional<DeviceIndex>> index_of_;  // by device
  SimulatedLinks links_;
  std::unique_ptr<WatchedOutbox> outbox_;
  device::AdmissionDesk admission_;
  device::CloudSettings settings_;
  AlwaysGranted leases_;
  resilience::ClockWatch clock_watch_;
  resilience::ClockCorrection told_;  // to the devices
  WatchedLog log_;
  Unseen status_;
  device::StatusRounds rounds_{loop, status_};
  device::WriteGate writes_;
  std::vector<std::unique_ptr<Signer>> signers_;
  std::unique_ptr<device::DeviceRoster> roster_;  // last: goes first
};

}  // namespace hubward::simulation
