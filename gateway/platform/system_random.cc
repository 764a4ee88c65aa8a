#include "gateway/platform/system_random.h"

#include <sys/random.h>

#include <cerrno>
#include <span>

namespace hubward::platform {
namespace {

void fill(std::span<unsigned char> bytes) {
  while (!bytes.empty()) {
    const ssize_t count = getrandom(bytes.data(), bytes.size(), 0);
    if (count < 0) {
      if (errno == EINTR) continue;
      std::abort();  // ENOSYS only: a kernel older than 3.17, on which nothing here runs
    }
    bytes = bytes.subspan(static_cast<std::size_t>(count));
  }
}

}  // namespace

SystemRandom::SystemRandom() {
  std::uint64_t seed = 0;
  fill({reinterpret_cast<unsigned char*>(&seed), sizeof seed});
  engine_.seed(seed);
}

std::string random_hex(std::size_t count) {
  std::string bytes(count, '\0');
  fill({reinterpret_cast<unsigned char*>(bytes.data()), bytes.size()});
  std::string hex;
  hex.reserve(2 * count);
  for (const char byte : bytes) {
    constexpr char kDigits[] = "0123456789abcdef";
    const auto value = static_cast<unsigned char>(byte);
    hex.push_back(kDigits[value >> 4]);
    hex.push_back(kDigits[value & 15]);
  }
  return hex;
}

}  // namespace hubward::platform
