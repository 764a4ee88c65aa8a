#include "tests/sim/simulation/scale.h"

#include <cmath>

#include "tests/support/scripted_random.h"

namespace hubward::simulation {
namespace {

std::int64_t whole(test::SeededRandom& random, std::int64_t from, std::int64_t to) {
  return from + static_cast<std::int64_t>(random.unit() * static_cast<double>(to - from + 1));
}

}  // namespace

Scale scale_of(std::uint64_t seed) {
  // Another stream than the one the simulation draws from.
  test::SeededRandom random(seed ^ 0x5CA1E0F5EEDULL);
  Scale scale;
  scale.seed = seed;
  scale.large = seed % kLargeEvery == 0;
  scale.hubs = static_cast<std::size_t>(whole(random, 2, 5));
  scale.disk_faults = random.unit() < 0.4;
  scale.clock_faults = random.unit() < 0.4;
  scale.battery_clock = random.unit() < 0.5;
  const bool small_store = random.unit() < 0.25;
  const bool paced = random.unit() < 0.5;
  if (scale.large) {
    scale.devices = 1000;
    scale.faults_for = std::chrono::minutes(20);
    scale.between_faults = std::chrono::seconds(45);
    scale.between_readings = std::chrono::seconds(60);
    scale.limits.connections_per_second = 50;
    scale.limits.registrations_per_second = 3;
  } else {
    // 10 to 50, many more of the small ones.
    scale.devices = static_cast<std::size_t>(10 * std::pow(5.0, random.unit()));
    scale.faults_for = std::chrono::minutes(whole(random, 60, 120));
    scale.between_faults = std::chrono::seconds(whole(random, 40, 120));
    // About as many readings in all, whatever the number of devices.
    scale.between_readings =
        std::chrono::seconds(whole(random, 4, 8) * static_cast<std::int64_t>(scale.devices) / 10);
    if (random.unit() < 0.3) scale.registrations_per_minute = 20;
  }
  // Enough for everybody's readings from one hub, and for a backlog of half an hour in ten minutes.
  if (paced) {
    const double usual =
        static_cast<double>(scale.devices) / static_cast<double>(scale.between_readings.count());
    scale.limits.sends_per_second = std::max(5.0, 5 * usual);
    scale.limits.backlog_sends_per_second = std::max(2.0, 3 * usual);
    scale.limits.twin_reads_per_second = 10;
    scale.limits.twin_updates_per_second = 10;
  }
  // Half of the sites have named their rates themselves.
  if (seed % 2 == 1) scale.limits.make_up_seconds = 0;
  // A few minutes of everybody's readings, as the store charges them.
  if (small_store) {
    scale.store_bytes_max =
        100 * scale.devices * 300 / static_cast<std::uint64_t>(scale.between_readings.count());
  }
  scale.disk_remounts = random.unit() >= 0.75;
  // A stream of their own: whoever draws neither plays as before there were these.
  test::SeededRandom modes(seed ^ 0x0D0E5ULL);
  scale.fresh_first = modes.unit() < 0.2;
  const bool ages = modes.unit() < 0.2;
  const auto age_max = std::chrono::minutes(whole(modes, 3, 20));
  // A clock that claims to be right and is years off makes everything too old: nothing to see. And
  // rows of a boot without the time are of no known age: younger ones go before them, and the books
  // could not say which.
  if (ages && !scale.clock_faults && scale.battery_clock) scale.age_max = age_max;
  // From a few readings of each device to all that may come; half of the sites with such disks.
  const bool memory = modes.unit() < 0.5;
  const double readings_each = 3 * std::pow(100.0, modes.unit());
  if (memory && scale.disk_faults) {
    scale.memory_bytes_max =
        300 * static_cast<std::uint64_t>(readings_each * static_cast<double>(scale.devices));
  }
  return scale;
}

std::chrono::seconds Scale::back_within() const {
  const double registrations =
      static_cast<double>(devices) /
      std::min(limits.registrations_per_second, registrations_per_minute / 60.0);
  const double logins = static_cast<double>(devices) / limits.connections_per_second;
  return std::chrono::minutes(12) +
         std::chrono::seconds(static_cast<std::int64_t>(2 * registrations + logins));
}

std::string Scale::text() const {
  std::string text = std::to_string(devices) + " devices, " + std::to_string(hubs) + " hubs, " +
                     std::to_string(faults_for.count()) + " min, a fault every " +
                     std::to_string(between_faults.count()) + " s, a reading every " +
                     std::to_string(between_readings.count()) + " s, DPS takes " +
                     std::to_string(static_cast<int>(registrations_per_minute)) +
                     "/min, store of " + std::to_string(store_bytes_max / 1024) + " KiB";
  if (limits.sends_per_second > 0) {
    text += ", " + std::to_string(static_cast<int>(limits.sends_per_second)) + " sends/s";
  }
  if (age_max) text += ", kept for " + std::to_string(age_max->count()) + " s";
  if (memory_bytes_max > 0)
    text += ", memory of " + std::to_string(memory_bytes_max / 1024) + " KiB";
  if (fresh_first) text += ", every second device fresh first";
  if (disk_faults) text += ", disk faults";
  if (disk_remounts) text += ", the disk mounted anew";
  if (clock_faults) text += ", clock faults";
  if (!battery_clock) text += ", no battery clock";
  return text;
}

}  // namespace hubward::simulation
