// What Azure's services allow, as they publish it. Source: reference on Azure IoT over MQTT,
// sections 2.7 (DPS), 3.10 (IoT Hub) and 4.5 (IoT Central).
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>

namespace hubward {

enum class Tier : std::uint8_t { Unknown, IotCentral, Free, B1, S1, B2, S2, B3, S3 };

// A rate of one hub for each second: the higher of a fixed part and a part for each unit. Both 0:
// not limited.
struct PublishedRate {
  double fixed = 0;
  double per_unit = 0;
  [[nodiscard]] constexpr double of(std::uint32_t units) const {
    return std::max(fixed, per_unit * units);
  }
};

struct TierLimits {
  Tier tier;
  std::string_view name;  // as gateway.json writes it
  PublishedRate connections;
  PublishedRate sends;  // device-to-cloud messages
  PublishedRate twin_reads;
  PublishedRate twin_updates;
  double registrations_per_minute;    // at DPS
  std::uint64_t messages_per_day;     // for each unit; 0: not limited by the day
  std::uint32_t message_block_bytes;  // a message counts once for each begun block
};

inline constexpr std::array kTiers = std::to_array<TierLimits>({
    // clang-format off
    // The hubs of an application are IoT Central's own business: what it states are property updates
    // and registrations; connections are those of the smallest hub.
    {Tier::IotCentral, "iot_central", {100, 0},  {},         {100, 0},  {100, 0}, 200,  0,           4096},
    {Tier::Free,       "free",        {100, 0},  {100, 0},   {100, 0},  {50, 0},  1000, 8'000,       512},
    {Tier::B1,         "b1",          {100, 12}, {100, 12},  {100, 0},  {50, 0},  1000, 400'000,     4096},
    {Tier::S1,         "s1",          {100, 12}, {100, 12},  {100, 0},  {50, 0},  1000, 400'000,     4096},
    {Tier::B2,         "b2",          {0, 120},  {0, 120},   {100, 10}, {50, 5},  1000, 6'000'000,   4096},
    {Tier::S2,         "s2",          {0, 120},  {0, 120},   {100, 10}, {50, 5},  1000, 6'000'000,   4096},
    {Tier::B3,         "b3",          {0, 6000}, {0, 6000},  {0, 500},  {0, 250}, 1000, 300'000'000, 4096},
    {Tier::S3,         "s3",          {0, 6000}, {0, 6000},  {0, 500},  {0, 250}, 1000, 300'000'000, 4096},
    // clang-format on
});

// IoT Central takes so many telemetry messages a second of one device.
inline constexpr double kCentralMessagesPerSecond = 10;

// Null for Tier::Unknown.
[[nodiscard]] constexpr const TierLimits* published_limits(Tier tier) {
  for (const auto& row : kTiers) {
    if (row.tier == tier) return &row;
  }
  return nullptr;
}

}  // namespace hubward
