// What the bench's devices are called and how they prove it; tests/bench/cloud.py enrolls the same.
#pragma once

#include <array>
#include <cstdint>
#include <cstdio>
#include <span>
#include <string>

#include "gateway/api/device_description.h"
#include "gateway/api/secret.h"
#include "proto/base64.h"

namespace hubward::bench {

inline std::string device_id(std::uint32_t number) {
  std::array<char, 24> text{};
  std::snprintf(text.data(), text.size(), "bench-%05u", number);
  return text.data();
}

// 64 bytes of 0x07: each device's key is derived from it, as in an enrollment group.
inline SecretText group_key() {
  std::array<std::byte, 64> key{};
  key.fill(std::byte{7});
  return SecretText(base64_encode(key));
}

// One tag, which counts, so that what arrived can be told from what was fed.
inline DeviceDescription description(std::uint32_t number) {
  DeviceDescription device;
  device.id = device_id(number);
  device.display_name = device.id;
  device.attached_to = "the bench";
  device.kind = "bench";
  TagDescription tag;
  tag.name = "counter";
  device.tags.push_back(std::move(tag));
  return device;
}

}  // namespace hubward::bench
