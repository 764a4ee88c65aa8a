#include "tests/sim/simulation/gateway_process.h"

#include <charconv>
#include <utility>

#include "gateway/api/failure_words.h"

namespace hubward::simulation {
namespace {

// What may wait in the gateway for each device: timers of client, session, links and status; events
// of its link and answers of its store; requests to the store, of which a slow disk makes readings
// wait. Whatever grows with the time instead of the devices soon passes these.
constexpr std::size_t kTimersPerDevice = 10;
constexpr std::size_t kPostedPerDevice = 200;
constexpr std::size_t kStoreRequestsPerDevice = 200;
constexpr std::size_t kSlack = 100;
// SendWindowSettings: one and a half times `loaded_max`, twice `in_flight_max`.
constexpr std::size_t kRowsHeldMax = 96 + 64;

constexpr std::chrono::seconds kLookAtClockEvery{1};
// The program is some months old.
constexpr std::chrono::hours kBuiltBefore{24 * 100};

class DerivedKeySigner final : public Signer {
 public:
  explicit DerivedKeySigner(const std::string& registration_id)
      : key_(simcloud::derive_device_key(group_key(), registration_id)) {}
  void sign(std::string text, std::function<void(Result<std::string>)> done) override {
    const auto mac = simcloud::hmac_sha256(key_, text);
    done(std::string(reinterpret_cast<const char*>(mac.data()), mac.size()));
  }
  [[nodiscard]] std::string fingerprint() const override { return "k"; }

 private:
  simcloud::Key key_;
};

}  // namespace

const simcloud::Key& group_key() {
  static const simcloud::Key key(64, std::byte{7});
  return key;
}

void WatchedLog::write(LogLevel, std::string_view event, std::initializer_list<LogField> fields) {
  const std::string* device = nullptr;
  std::string_view reason;
  std::int64_t pause_ms = 0;
  for (const auto& field : fields) {
    if (field.key == "device") device = &field.value;
    if (field.key == "reason") reason = field.value;
    if (field.key == "retry_in_ms") {
      (void)std::from_chars(field.value.data(), field.value.data() + field.value.size(), pause_ms);
    }
  }
  if (device != nullptr && event == "hub_connect_shared") referee_.on_shared(*device, reason);
  if (device != nullptr && pause_ms > 0) referee_.on_pause(*device);
  if (!narrate_) return;
  const auto now = std::chrono::duration<double>(world_.steady().time_since_epoch()).count();
  std::printf("%10.3f    %.*s", now, static_cast<int>(event.size()), event.data());
  for (const auto& field : fields) {
    std::printf(" %.*s=%s", static_cast<int>(field.key.size()), field.key.data(),
                field.value.c_str());
  }
  std::printf("\n");
}

GatewayProcess::GatewayProcess(Surroundings around, std::vector<std::size_t> configured)
    : loop(around.machine.clock()),
      around_(around),
      configured_(std::move(configured)),
      index_of_(around.scale.devices),
      links_(around.network),
      outbox_(std::make_unique<WatchedOutbox>(
          around.machine.start_outbox(loop, [this] { around_.books.on_round(); }), around.books,
          configured_)),
      admission_(loop, around.scale.limits, around.random, around.machine.backoffs()),
      clock_watch_(test::ManualClock::kStart - kBuiltBefore, WallTime{}),
      log_(around.narrate, around.world, around.referee) {
  around_.books.on_start(outbox().store());
  settings_.dps_host = std::string(kDpsHost);
  settings_.id_scope = std::string(kIdScope);
  settings_.agent = "hubward/simulated";
  roster_ = std::make_unique<device::DeviceRoster>(status_);
  std::vector<bool> has_assignment(index_of_.size());
  for (const std::size_t device : configured_) {
    const DeviceIndex index{static_cast<std::uint32_t>(roster_->size())};
    index_of_[device] = index;
    has_assignment[device] = around.machine.assignments().knows(device_name(device));
    signers_.push_back(std::make_unique<DerivedKeySigner>(device_name(device)));
    DeviceDescription description;
    description.id = device_name(device);
    if (is_fresh_first(around.scale, device)) description.order = SendOrder::FreshFirst;
    TagDescription counter;
    counter.name = "counter";
    description.tags.push_back(counter);
    const device::CloudParts parts{loop,
                                   links_,
                                   *signers_.back(),
                                   around.machine.assignments(),
                                   around.machine.backoffs(),
                                   *outbox_,
                                   leases_,
                                   admission_,
                                   around.random,
                                   log_,
                                   &clock_watch_};
    roster_->add(std::make_unique<device::Device>(
        index, description, settings_,
        device::DeviceParts{parts, rounds_, writes_, around.machine.boot_id()}));
  }
  around_.referee.on_start(has_assignment);
  look_at_clock();
  outbox_->simulated().watch(*roster_);
  roster_->start();
}

void GatewayProcess::look_at_clock() {
  loop.call_at(loop.clock().steady() + kLookAtClockEvery, [this] { look_at_clock(); });
  const resilience::ClockLook now{loop.clock().wall(), loop.clock().steady()};
  const auto change = clock_watch_.look(now, around_.machine.clock().wall_is_trusted());
  const resilience::ClockCorrection& correction = clock_watch_.correction();
  if (change.set_by.count() == 0 && !change.trust_changed && !change.try_again &&
      correction == told_) {
    return;
  }
  told_ = correction;
  device::ClockNews news;
  news.sight = {around_.machine.boot_id(), told_.known, told_.wall_minus_steady};
  news.set_by = change.set_by;
  news.try_again = change.try_again;
  if (change.renew_tokens) {
    news.renew_within = std::chrono::milliseconds(
        static_cast<std::int64_t>(2000 + 1000.0 * static_cast<double>(roster_->size()) /
                                             around_.scale.limits.connections_per_second));
  }
  roster_->on_clock(news);
}

GatewayProcess::~GatewayProcess() = default;

bool GatewayProcess::deliver(std::size_t device, std::uint64_t counter, Stored stored) {
  if (!index_of_[device]) return false;
  ReadingBatch batch;
  batch.device = *index_of_[device];
  batch.at = loop.clock().wall();
  batch.at_steady = loop.clock().steady();
  batch.readings.push_back({TagIndex{0}, TagValue(counter), Quality::Good, {}});
  roster_->deliver(std::move(batch), std::move(stored));
  return true;
}

bool GatewayProcess::everybody_is_online() const {
  for (std::uint32_t i = 0; i < configured_.size(); ++i) {
    if (roster_->at(DeviceIndex{i}).status().cloud != CloudState::Online) return false;
  }
  return true;
}

std::vector<std::string> GatewayProcess::complaints() const {
  std::vector<std::string> lines;
  for (std::uint32_t i = 0; i < configured_.size(); ++i) {
    const auto status = roster_->at(DeviceIndex{i}).status();
    if (status.cloud == CloudState::Online) continue;
    lines.push_back(device_name(configured_[i]) + " is in state " +
                    std::to_string(static_cast<int>(status.cloud)) + ", " +
                    (status.cloud_failure ? std::string(words_for(*status.cloud_failure).label)
                                          : "no failure") +
                    ", " + status.cloud_detail);
  }
  return lines;
}

std::optional<std::string> GatewayProcess::unbounded() const {
  const std::size_t devices = configured_.size();
  const auto too_long = [&](const char* what, std::size_t size,
                            std::size_t per_device) -> std::optional<std::string> {
    if (size <= kSlack + per_device * devices) return std::nullopt;
    return std::string(what) + ": " + std::to_string(size) + " for " + std::to_string(devices) +
           " devices";
  };
  if (auto timers = too_long("timers", loop.timers(), kTimersPerDevice)) return timers;
  if (auto posted = too_long("posted work", loop.posted(), kPostedPerDevice)) return posted;
  if (auto store = too_long("requests to the store", outbox_->simulated().waiting(),
                            kStoreRequestsPerDevice)) {
    return store;
  }
  for (std::uint32_t i = 0; i < devices; ++i) {
    const std::size_t rows = roster_->at(DeviceIndex{i}).cloud().rows_held();
    if (rows > kRowsHeldMax) return device_name(configured_[i]) + " holds " + std::to_string(rows);
  }
  // In line at one gate at most.
  const std::size_t in_line = admission_.admission().waiting();
  if (in_line > devices) return "devices in line: " + std::to_string(in_line);
  // A link to DPS and one to a hub at most.
  return too_long("connections", around_.network.open_links(), 2);
}

}  // namespace hubward::simulation
