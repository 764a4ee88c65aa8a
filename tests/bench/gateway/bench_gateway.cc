#include "tests/bench/gateway/bench_gateway.h"

#include <cstdlib>
#include <utility>

#include "gateway/platform/hmac_signer.h"
#include "gateway/version.h"
#include "tests/bench/gateway/bench_site.h"

namespace hubward::bench {
namespace {

std::uint64_t random_64_bits() {
  return std::strtoull(platform::random_hex(8).c_str(), nullptr, 16);
}

observe::SiteDescription site(std::uint32_t devices) {
  observe::SiteDescription site{"bench", kVersion, {}};
  for (std::uint32_t i = 0; i < devices; ++i) site.devices.push_back(description(i));
  return site;
}

outbox::WriterOptions outbox_options(const std::string& folder, Log& log) {
  outbox::WriterOptions options;
  options.store.path = folder + "/outbox.db";
  options.store.limits.bytes_max = 1024ULL * 1024 * 1024;
  options.store.boot_id = 1;
  options.store.epoch_bits = random_64_bits;
  options.log = &log;
  return options;
}

device::CloudSettings cloud_settings(const BenchOptions& options) {
  device::CloudSettings settings;
  settings.dps_host = options.dps_host;
  settings.dps_port = options.dps_port;
  settings.id_scope = options.id_scope;
  settings.agent = std::string("hubward/") + kVersion;
  settings.recovery.backoff.max = options.retry_pause_max;
  return settings;
}

}  // namespace

BenchGateway::BenchGateway(BenchOptions options, Log& log)
    : options_(std::move(options)),
      log_(log),
      loop_(clock_),
      board_(site(options_.devices), clock_),
      assignments_(options_.folder + "/assignments.json", log),
      outbox_(outbox_options(options_.folder, log), clock_),
      metered_(outbox_, clock_),
      settings_(cloud_settings(options_)),
      admission_(loop_,
                 {.connections_per_second = options_.connections_per_second,
                  .registrations_per_second = options_.registrations_per_second},
                 random_, backoffs_),
      status_(loop_, board_),
      roster_(board_) {}

Status BenchGateway::start() {
  auto links = platform::MosquittoLinkOpener::create(options_.roots_file, resolver_, loop_);
  if (!links) return tl::unexpected(links.error());
  links_ = std::move(*links);
  for (std::uint32_t i = 0; i < options_.devices; ++i) {
    const std::string id = device_id(i);
    auto key = platform::derive_device_key(group_key(), id);
    if (!key) return tl::unexpected(key.error());
    auto signer = platform::HmacSigner::from_base64(*key);
    if (!signer) return tl::unexpected(signer.error());
    signers_.push_back(std::move(*signer));
    if (!options_.assigned_hub.empty()) {
      assignments_.save(
          {options_.assigned_hub, id, options_.id_scope, id, signers_.back()->fingerprint()});
    }
    const device::CloudParts parts{loop_,    *links_, *signers_.back(), assignments_, backoffs_,
                                   metered_, leases_, admission_,       random_,      log_};
    roster_.add(std::make_unique<device::Device>(DeviceIndex{i}, description(i), settings_,
                                                 device::DeviceParts{parts, status_, writes_, 1}));
  }
  outbox_.watch(loop_, roster_);
  roster_.start();
  return {};
}

void BenchGateway::deliver(std::uint32_t device, std::int64_t value, Stored stored) {
  ReadingBatch batch;
  batch.device = DeviceIndex{device};
  batch.at = clock_.wall();
  batch.at_steady = clock_.steady();
  batch.readings.push_back({.tag = TagIndex{0}, .value = value});
  roster_.deliver(std::move(batch), std::move(stored));
}

}  // namespace hubward::bench
