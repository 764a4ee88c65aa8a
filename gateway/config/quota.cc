#include "gateway/config/quota.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "gateway/api/service_tier.h"
#include "gateway/config/modbus_rate.h"

namespace hubward::config {
namespace {

constexpr double kSecondsADay = 86'400;
constexpr double kMinutesADay = 1'440;
// What one hub may have of a tier (IoT Hub quotas and throttling: units per hub). Ten units of one
// size cost what one unit of the next does, or more.
constexpr std::uint32_t kUnitsWorthwhile = 10;
constexpr std::size_t kNameMax = 40;
// A number with its punctuation; text can be longer.
constexpr std::size_t kValueBytes = 28;

std::string count_text(double count) {
  std::string digits = std::to_string(static_cast<std::int64_t>(std::ceil(count)));
  for (std::size_t end = digits.size(); end > 3; end -= 3) digits.insert(end - 3, 1, ',');
  return digits;
}

std::string percent_text(double part, double whole) {
  std::array<char, 32> text{};
  const double percent = whole > 0 ? part / whole * 100 : 0;
  std::snprintf(text.data(), text.size(), percent < 10 ? "%.1f %%" : "%.0f %%", percent);
  return text.data();
}

double blocks(const SiteQuota& quota, const TierLimits& tier) {
  return tier.message_block_bytes < 4096 ? quota.blocks_of_half_kb : quota.blocks_of_4_kb;
}

double allowed(const TierLimits& tier, std::uint32_t units) {
  return static_cast<double>(tier.messages_per_day) * units;
}

std::string units_text(std::uint32_t units) {
  return std::to_string(units) + (units == 1 ? " unit" : " units");
}

void add(SiteQuota& quota, DeviceQuota device) {
  if (device.messages_a_day) {
    quota.messages_a_day += *device.messages_a_day;
    quota.blocks_of_4_kb += device.blocks_of_4_kb;
    quota.blocks_of_half_kb += device.blocks_of_half_kb;
  } else {
    ++quota.unknown;
  }
  quota.devices.push_back(std::move(device));
}

// A device that sends by itself: nothing tells how long its texts are.
DeviceQuota spontaneous(const DeviceDescription& device, bool is_asked) {
  DeviceQuota quota;
  if (!device.expected_messages_per_minute) {
    quota.from = "sends by itself; \"expected_messages_per_minute\" in its file would tell";
    return quota;
  }
  std::size_t bytes = kPropertiesBytes + device.id.size();
  for (const auto& tag : device.tags) bytes += tag.name.size() + kValueBytes;
  const auto size = static_cast<double>(bytes);
  quota.messages_a_day = *device.expected_messages_per_minute * kMinutesADay;
  quota.blocks_of_4_kb = *quota.messages_a_day * std::ceil(size / 4096);
  quota.blocks_of_half_kb = *quota.messages_a_day * std::ceil(size / 512);
  quota.from = is_asked ? "as often as it is asked, or as its file expects" : "as its file expects";
  return quota;
}

DeviceQuota polled(const modbus::DeviceSettings& settings, const DeviceDescription& device,
                   const modbus::BusTiming& timing) {
  const MessageRate rate = modbus_rate(settings, device, timing);
  DeviceQuota quota;
  quota.messages_a_day = rate.messages_a_day;
  quota.blocks_of_4_kb = rate.blocks_of_4_kb;
  quota.blocks_of_half_kb = rate.blocks_of_half_kb;
  const bool on_change = std::ranges::any_of(
      device.tags, [](const TagDescription& tag) { return tag.report.on_change; });
  // How often a value changes nobody knows: counted as if each reading did.
  // Not the requests: one message may need several of them, or several messages one.
  quota.from = count_text(rate.messages_a_day / kMinutesADay) + " a minute, as it is polled" +
               (on_change ? ", at most" : "");
  return quota;
}

std::string tier_sentence(const SiteQuota& quota, const LimitSettings& limits) {
  const TierLimits* tier = published_limits(limits.tier);
  std::string words;
  if (tier == nullptr) {
    words = "No tier is configured (\"limits\" in gateway.json). The smallest that is enough: " +
            smallest_tier(quota) + ". IoT Central has no daily quota.";
  } else if (tier->messages_per_day == 0) {
    words = "IoT Central has no daily quota; it takes " + count_text(kCentralMessagesPerSecond) +
            " messages a second of each device.";
  } else {
    const double most = allowed(*tier, limits.units);
    words = "Tier " + std::string(tier->name) + " with " + units_text(limits.units) + " allows " +
            count_text(most) + " a day: " + percent_text(blocks(quota, *tier), most) + " is used.";
  }
  if (quota.unknown > 0) {
    words += " Not counted: " + std::to_string(quota.unknown) +
             (quota.unknown == 1 ? " device" : " devices") + " that may send at any time.";
  }
  return words;
}

std::string row(const std::string& name, const std::string& messages, const std::string& size,
                const std::string& from) {
  std::array<char, 160> text{};
  std::snprintf(text.data(), text.size(), "  %-24s %16s %16s", name.substr(0, kNameMax).c_str(),
                messages.c_str(), size.c_str());
  return std::string(text.data()) + (from.empty() ? "" : "   " + from) + "\n";
}

}  // namespace

SiteQuota quota_of(const SiteSettings& site) {
  struct Polled {
    const modbus::DeviceSettings* device = nullptr;
    modbus::BusTiming timing;
  };
  std::vector<Polled> polled_of(site.devices.size());
  for (const auto& bus : site.modbus_buses) {
    for (const auto& device : bus.devices) {
      polled_of[device.device.value] = {&device, modbus::timing_of(bus.attachment)};
    }
  }
  std::vector<bool> is_asked(site.devices.size(), false);
  for (const auto& line : site.serial_lines) {
    for (const auto& device : line.devices) {
      is_asked[device.device.value] = !device.requests.empty();
    }
  }
  SiteQuota quota;
  for (std::size_t i = 0; i < site.devices.size(); ++i) {
    add(quota, polled_of[i].device != nullptr
                   ? polled(*polled_of[i].device, site.devices[i], polled_of[i].timing)
                   : spontaneous(site.devices[i], is_asked[i]));
  }
  return quota;
}

std::string smallest_tier(const SiteQuota& quota) {
  constexpr std::array kBySize{Tier::Free, Tier::S1, Tier::S2, Tier::S3};
  for (const Tier size : kBySize) {
    const TierLimits& tier = *published_limits(size);
    const auto units = static_cast<std::uint32_t>(
        std::max(1.0, std::ceil(blocks(quota, tier) / static_cast<double>(tier.messages_per_day))));
    const std::uint32_t most = size == Tier::Free ? 1 : kUnitsWorthwhile;
    if (units > most) continue;
    return std::string(tier.name) + (size == Tier::Free ? "" : " with " + units_text(units)) +
           " (" + count_text(allowed(tier, units)) + " a day, " +
           percent_text(blocks(quota, tier), allowed(tier, units)) + " used)";
  }
  return "none; share the devices out over several hubs";
}

std::vector<QuotaExcess> excesses(const SiteQuota& quota, const LimitSettings& limits) {
  std::vector<QuotaExcess> found;
  const TierLimits* tier = published_limits(limits.tier);
  if (tier == nullptr) return found;
  if (limits.tier == Tier::IotCentral) {
    for (std::size_t i = 0; i < quota.devices.size(); ++i) {
      const double per_second = quota.devices[i].messages_a_day.value_or(0) / kSecondsADay;
      if (per_second <= kCentralMessagesPerSecond) continue;
      found.push_back({i, "this device would send " + count_text(per_second) +
                              " messages a second; IoT Central takes " +
                              count_text(kCentralMessagesPerSecond) +
                              " of one device: lengthen \"interval_ms\" of its tags"});
    }
    return found;
  }
  const double needed = blocks(quota, *tier);
  const double most = allowed(*tier, limits.units);
  if (tier->messages_per_day != 0 && needed > most) {
    found.push_back(
        {std::nullopt, "the devices would send " + count_text(needed) +
                           " messages a day (in blocks of " +
                           (tier->message_block_bytes < 4096 ? "0.5" : "4") + " KB); tier " +
                           std::string(tier->name) + " with " + units_text(limits.units) +
                           " allows " + count_text(most) +
                           ", and then the hub cuts everybody off until midnight UTC: lengthen "
                           "\"interval_ms\" of the tags, or use " +
                           smallest_tier(quota)});
  }
  return found;
}

std::string quota_text(const SiteSettings& site, const SiteQuota& quota) {
  const TierLimits* tier = published_limits(site.limits.tier);
  const bool half = tier != nullptr && tier->message_block_bytes < 4096;
  const auto size = [&](double of_4_kb, double of_half_kb) {
    return count_text(half ? of_half_kb : of_4_kb);
  };
  std::string out = "Telemetry messages a day:\n" +
                    row("DEVICE", "MESSAGES", half ? "0.5 KB BLOCKS" : "4 KB BLOCKS", "FROM");
  for (std::size_t i = 0; i < quota.devices.size(); ++i) {
    const DeviceQuota& device = quota.devices[i];
    const bool known = device.messages_a_day.has_value();
    out += row(site.devices[i].id, known ? count_text(*device.messages_a_day) : "not known",
               known ? size(device.blocks_of_4_kb, device.blocks_of_half_kb) : "-", device.from);
  }
  out += row("all", count_text(quota.messages_a_day),
             size(quota.blocks_of_4_kb, quota.blocks_of_half_kb), "");
  return out + tier_sentence(quota, site.limits) + "\n";
}

}  // namespace hubward::config
