#include "tests/scenario/true_values/witness.h"

#include <algorithm>
#include <cstdio>
#include <utility>

#include "proto/modbus/rtu.h"
#include "proto/modbus/tcp.h"

namespace hubward::modbus {
namespace {

class WitnessedStream final : public ByteStream {
 public:
  WitnessedStream(std::unique_ptr<ByteStream> stream, AskedLog& log, const Clock& clock)
      : stream_(std::move(stream)), log_(log), clock_(clock) {}
  void open(std::chrono::milliseconds timeout) override {
    log_.on_open(clock_.steady());
    stream_->open(timeout);
  }
  void write(std::span<const std::byte> bytes) override {
    log_.on_written(bytes, clock_.steady());
    stream_->write(bytes);
  }
  void discard_input() noexcept override { stream_->discard_input(); }
  void close() noexcept override { stream_->close(); }

 private:
  std::unique_ptr<ByteStream> stream_;
  AskedLog& log_;
  const Clock& clock_;
};

std::uint16_t place(Table table, unsigned address) {
  return static_cast<std::uint16_t>(address | (table == Table::InputRegister ? 0x8000U : 0U));
}

}  // namespace

std::uint16_t witness(std::uint8_t line, std::uint8_t unit, Table table, unsigned address,
                      std::uint32_t request) {
  switch (address % kWitnessRegisters) {
    case 0:
      return static_cast<std::uint16_t>(unsigned{line} << 8 | unit);
    case 1:
      return place(table, address - 1);
    case 2:
      return static_cast<std::uint16_t>(request >> 16);
    default:
      return static_cast<std::uint16_t>(request & 0xFFFF);
  }
}

// What was written to the port before this goes nowhere.
void AskedLog::on_open(SteadyTime now) {
  const std::lock_guard lock(mutex_);
  opened_at_ = now;
  under_way_.clear();
}

void AskedLog::on_written(std::span<const std::byte> bytes, SteadyTime now) {
  if (framing_ == Framing::Rtu) return note(bytes, now);
  TcpFrameReader reader;
  reader.push(bytes);
  for (auto frame = reader.next(); frame && *frame; frame = reader.next()) {
    note(encode_tcp((*frame)->transaction, (*frame)->unit, (*frame)->pdu), now);
  }
}

void AskedLog::note(std::span<const std::byte> frame, SteadyTime now) {
  ++requests_;
  {
    const std::lock_guard lock(mutex_);
    under_way_.push_back({requests_, {frame.begin(), frame.end()}});
  }
  const bool rtu = framing_ == Framing::Rtu;
  const auto unit = std::to_integer<std::uint8_t>(frame[rtu ? 0 : kMbapBytes - 1]);
  const auto pdu = rtu ? frame.subspan(1, frame.size() - 3) : frame.subspan(kMbapBytes);
  const auto request = parse_request(pdu);
  if (!request) return;
  const auto* read = std::get_if<ReadRequest>(&*request);
  if (read == nullptr) return;
  asked_.push_back({requests_, now, unit, *read});
  if (asked_.size() > kRememberedMax) asked_.pop_front();
}

std::optional<std::uint32_t> AskedLog::last_asked(std::uint8_t unit, const ReadRequest& tag,
                                                  SteadyTime at) const {
  const auto asked = std::find_if(asked_.rbegin(), asked_.rend(), [&](const Asked& one) {
    const unsigned end = unsigned{one.read.address} + one.read.count;
    return one.at <= at && one.unit == unit && one.read.table == tag.table &&
           one.read.address <= tag.address && unsigned{tag.address} + tag.count <= end;
  });
  if (asked == asked_.rend()) return std::nullopt;
  return asked->number;
}

std::uint32_t AskedLog::number_of(std::span<const std::byte> frame) {
  const std::lock_guard lock(mutex_);
  while (!under_way_.empty()) {
    const UnderWay first = std::move(under_way_.front());
    under_way_.pop_front();
    if (std::ranges::equal(first.frame, frame)) return first.number;
  }
  return 0;  // nobody asked it: whatever takes its answer takes a wrong one
}

SteadyTime AskedLog::opened_at() {
  const std::lock_guard lock(mutex_);
  return opened_at_;
}

std::unique_ptr<ByteStream> WitnessedStreams::tcp(TcpEndpoint endpoint, ByteStreamEvents& events,
                                                  Loop& loop) {
  return std::make_unique<WitnessedStream>(streams_.tcp(std::move(endpoint), events, loop), log_,
                                           loop.clock());
}
std::unique_ptr<ByteStream> WitnessedStreams::tls(TcpEndpoint endpoint, TlsTrust trust,
                                                  ByteStreamEvents& events, Loop& loop) {
  return streams_.tls(std::move(endpoint), std::move(trust), events, loop);
}
std::unique_ptr<ByteStream> WitnessedStreams::serial(SerialSettings settings,
                                                     ByteStreamEvents& events, Loop& loop) {
  return std::make_unique<WitnessedStream>(streams_.serial(std::move(settings), events, loop), log_,
                                           loop.clock());
}

void JudgingSink::deliver(ReadingBatch batch, Stored) {
  const DeviceSettings& device = devices_.at(batch.device.value);
  for (const TagReading& reading : batch.readings) {
    if (reading.quality != Quality::Good) continue;
    const TagSettings& tag = device.tags.at(reading.tag.value);
    const auto value = std::get<std::uint64_t>(reading.value);
    const auto held_at = static_cast<std::uint32_t>(value);
    const std::uint64_t from = std::uint64_t{witness(line_, device.unit_id, tag.table, 0, 0)}
                                   << 16 |
                               place(tag.table, tag.address);
    const auto asked = log_.last_asked(device.unit_id, {tag.table, tag.address, kWitnessRegisters},
                                       batch.at_steady);
    const bool foreign = value >> 32 != from;
    const bool stale = !asked || held_at < *asked;
    ++(foreign ? verdict.foreign : stale ? verdict.stale : verdict.good);
    if ((foreign || stale) && verdict.wrong() <= 3) {
      std::printf("line %u unit %u address %u: %s value %016llx, asked last with request %u\n",
                  unsigned{line_}, unsigned{device.unit_id}, unsigned{tag.address},
                  foreign ? "foreign" : "stale", static_cast<unsigned long long>(value),
                  asked.value_or(0));
    }
  }
}

}  // namespace hubward::modbus
