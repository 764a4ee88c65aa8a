#include "tests/sim/plant/modbus_fault.h"

#include <charconv>
#include <string>
#include <utility>

#include "tests/sim/plant/device.h"

namespace hubward::plant {
namespace {

using Kind = ModbusFault::Kind;

struct KindName {
  std::string_view name;
  Kind kind;
};
constexpr KindName kKinds[] = {
    {"silent", Kind::Silent},
    {"delay", Kind::Delay},
    {"wrong_crc", Kind::WrongCrc},
    {"wrong_transaction", Kind::WrongTransaction},
    {"wrong_unit", Kind::WrongUnit},
    {"wrong_function", Kind::WrongFunction},
    {"wrong_byte_count", Kind::WrongByteCount},
    {"truncated", Kind::Truncated},
    {"garbage", Kind::Garbage},
    {"oversized", Kind::Oversized},
    {"exception", Kind::Exception},
    {"close", Kind::Close},
};

// MODBUS over Serial Line V1.02, section 6.2.2: CRC-16, low byte first.
void append_crc(std::vector<std::byte>& frame) {
  std::uint16_t crc = 0xffff;
  for (const std::byte byte : frame) {
    crc = static_cast<std::uint16_t>(crc ^ std::to_integer<std::uint16_t>(byte));
    for (int bit = 0; bit < 8; ++bit) {
      const bool carry = (crc & 1) != 0;
      crc = static_cast<std::uint16_t>(crc >> 1);
      if (carry) crc = static_cast<std::uint16_t>(crc ^ 0xa001);
    }
  }
  frame.push_back(static_cast<std::byte>(crc & 0xff));
  frame.push_back(static_cast<std::byte>(crc >> 8));
}

// Changes one byte of the answer and, for RTU, makes the checksum fit again: the frame is well
// formed and wrong.
std::vector<std::byte> with_byte_changed(std::vector<std::byte> answer, std::size_t at,
                                         Framing framing) {
  if (framing == Framing::Rtu && answer.size() > 2) answer.resize(answer.size() - 2);
  if (at < answer.size()) answer[at] ^= std::byte{0x02};
  if (framing == Framing::Rtu) append_crc(answer);
  return answer;
}

std::vector<std::byte> oversized(std::vector<std::byte> answer, Framing framing) {
  // Without its checksum; otherwise the beginning of an RTU answer would be a whole, right frame.
  if (framing == Framing::Rtu && answer.size() > 2) answer.resize(answer.size() - 2);
  answer.resize(600, std::byte{0x55});  // an RTU frame has at most 256 bytes, a TCP frame 260
  if (framing == Framing::Tcp) {
    answer[4] = std::byte{0x02};  // MBAP length 594 instead of at most 254
    answer[5] = std::byte{0x52};
  }
  return answer;
}

}  // namespace

std::optional<std::vector<std::byte>> from_hex(std::string_view text) {
  if (text.size() % 2 != 0) return std::nullopt;
  std::vector<std::byte> bytes;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    unsigned value = 0;
    const char* end = text.data() + i + 2;
    const auto [stop, error] = std::from_chars(text.data() + i, end, value, 16);
    if (error != std::errc{} || stop != end) return std::nullopt;
    bytes.push_back(static_cast<std::byte>(value));
  }
  return bytes;
}

Result<ModbusFault> read_fault(const json::Value& order, Framing framing) {
  ModbusFault fault;
  const auto name = json::as_string(json::find(order, "kind"));
  const KindName* found = nullptr;
  for (const KindName& kind : kKinds) {
    if (name && kind.name == *name) found = &kind;
  }
  if (found == nullptr) {
    std::string known;
    for (const KindName& kind : kKinds) known.append(" ").append(kind.name);
    return refused("\"kind\" must be one of:" + known);
  }
  fault.kind = found->kind;
  const bool tcp_only = fault.kind == Kind::WrongTransaction || fault.kind == Kind::Close;
  if (tcp_only && framing == Framing::Rtu) return refused("this kind is for Modbus TCP only");
  if (fault.kind == Kind::WrongCrc && framing == Framing::Tcp) {
    return refused("Modbus TCP frames have no CRC");
  }
  if (const auto count = json::as_int(json::find(order, "count"))) {
    if (*count < 0 || *count > 1'000'000) return refused("\"count\" must be 0 to 1000000");
    fault.count = static_cast<std::uint32_t>(*count);
  }
  if (const auto delay = json::as_int(json::find(order, "delay_ms"))) {
    if (*delay < 0 || *delay > 60'000) return refused("\"delay_ms\" must be 0 to 60000");
    fault.delay = std::chrono::milliseconds(*delay);
  }
  if (const auto code = json::as_int(json::find(order, "code"))) {
    if (*code < 1 || *code > 11) return refused("\"code\" must be 1 to 11");
    fault.exception_code = static_cast<std::uint8_t>(*code);
  }
  if (const auto address = json::as_int(json::find(order, "address"))) {
    if (*address < 0 || *address > 65535) return refused("\"address\" must be 0 to 65535");
    fault.address = static_cast<std::uint16_t>(*address);
  }
  if (const auto hex = json::as_string(json::find(order, "hex"))) {
    auto bytes = from_hex(*hex);
    if (!bytes) return refused("\"hex\" must be pairs of hexadecimal digits");
    fault.bytes = std::move(*bytes);
  } else {
    for (int i = 0; i < 9; ++i) fault.bytes.push_back(static_cast<std::byte>(0xa7 * (i + 3)));
  }
  return fault;
}

std::vector<std::byte> damage(std::vector<std::byte> answer, const ModbusFault& fault,
                              Framing framing) {
  const std::size_t unit = framing == Framing::Tcp ? 6 : 0;
  switch (fault.kind) {
    case Kind::WrongCrc:
      if (!answer.empty()) answer.back() ^= std::byte{0xff};
      return answer;
    case Kind::WrongTransaction:
      if (answer.size() > 1) answer[1] ^= std::byte{0x80};
      return answer;
    case Kind::WrongUnit:
      return with_byte_changed(std::move(answer), unit, framing);
    case Kind::WrongFunction:
      return with_byte_changed(std::move(answer), unit + 1, framing);
    case Kind::WrongByteCount:
      return with_byte_changed(std::move(answer), unit + 2, framing);
    case Kind::Truncated:
    case Kind::Close:
      answer.resize(answer.size() / 2);
      return answer;
    case Kind::Oversized:
      return oversized(std::move(answer), framing);
    case Kind::Garbage: {
      std::vector<std::byte> noisy = fault.bytes;
      noisy.insert(noisy.end(), answer.begin(), answer.end());
      return noisy;
    }
    case Kind::Silent:
    case Kind::Delay:
    case Kind::Exception:
      return answer;
  }
  return answer;
}

}  // namespace hubward::plant
