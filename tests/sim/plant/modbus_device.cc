#include "tests/sim/plant/modbus_device.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <utility>

namespace hubward::plant {
namespace {

// MODBUS Application Protocol V1.1b3, section 6.
constexpr int kReadCoils = 1, kReadDiscreteInputs = 2, kReadInput = 4;  // 3: holding registers
constexpr int kWriteCoil = 5, kWriteRegister = 6, kWriteCoils = 15, kWriteRegisters = 16;
constexpr int kMaskWrite = 22, kReadWrite = 23;

bool is_read(int function) { return function >= kReadCoils && function <= kReadInput; }

bool is_write(int function) {
  return function == kWriteCoil || function == kWriteRegister || function == kWriteCoils ||
         function == kWriteRegisters || function == kMaskWrite || function == kReadWrite;
}

Table table_of(int function) {
  switch (function) {
    case kReadCoils:
    case kWriteCoil:
    case kWriteCoils:
      return Table::Coil;
    case kReadDiscreteInputs:
      return Table::DiscreteInput;
    case kReadInput:
      return Table::InputRegister;
    default:
      return Table::HoldingRegister;
  }
}

}  // namespace

bool write_all(int wire, const std::vector<std::byte>& bytes) {
  std::size_t done = 0;
  while (done < bytes.size()) {
    pollfd ready{wire, POLLOUT, 0};
    if (::poll(&ready, 1, 1000) <= 0 || (ready.revents & (POLLERR | POLLHUP)) != 0) return false;
    const ssize_t n = ::write(wire, bytes.data() + done, bytes.size() - done);
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (n <= 0) return false;
    done += static_cast<std::size_t>(n);
  }
  return true;
}

ModbusDevice::ModbusDevice(ModbusProfile profile)
    : profile_(std::move(profile)),
      bank_(profile_.registers),
      refreshed_(SteadyClock::now()),
      next_sequence_(profile_.first_sequence) {
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, capture_) != 0) std::abort();
  profile_.set_defaults(bank_);
}

ModbusDevice::~ModbusDevice() {
  for (const int end : capture_) ::close(end);
}

bool ModbusDevice::running() const {
  const std::scoped_lock lock(mutex_);
  return running_;
}

void ModbusDevice::pause(std::chrono::milliseconds time, const std::stop_token& stop) {
  std::unique_lock lock(mutex_);
  wake_.wait_for(lock, stop, time, [] { return false; });
}

void ModbusDevice::refresh() {
  const auto now = SteadyClock::now();
  profile_.advance(std::chrono::duration<double>(now - refreshed_).count(), bank_);
  refreshed_ = now;
}

// libmodbus reads no further than the function of a request that it does not know, and would take
// the rest for the next one.
void ModbusDevice::skip_rest(int wire, const std::uint8_t* request, int length) {
  constexpr int kHeader = 6;  // up to and with the length
  const int whole = kHeader + (request[4] << 8 | request[5]);
  std::array<std::byte, MODBUS_MAX_ADU_LENGTH> rest{};
  if (whole > length && whole - length <= MODBUS_MAX_ADU_LENGTH) {
    (void)!::recv(wire, rest.data(), static_cast<std::size_t>(whole - length), MSG_DONTWAIT);
  }
}

bool ModbusDevice::serve(Peer& peer, const std::stop_token& stop) {
  std::array<std::uint8_t, MODBUS_MAX_ADU_LENGTH> request{};
  const int length = modbus_receive(peer.context, request.data());
  if (length == 0) {  // for another unit id on the line
    heard_another(peer);
    return true;
  }
  if (length < 0) {
    const bool timed_out = errno == ETIMEDOUT;
    const bool left = errno < MODBUS_ENOBASE && !timed_out;  // ECONNRESET, or EIO from a pty
    if (!left) {
      const std::scoped_lock lock(mutex_);
      ++bad_requests_;
    }
    if (profile_.framing == Framing::Tcp) return timed_out;
    pause(std::chrono::milliseconds(10), stop);  // an RTU server waits for silence
    std::array<std::byte, 256> rest{};
    while (::read(peer.wire, rest.data(), rest.size()) > 0) {
    }
    return true;
  }
  if (profile_.framing == Framing::Tcp) skip_rest(peer.wire, request.data(), length);
  const auto made = answer(peer, request.data(), length);
  if (!made || made->bytes.empty()) return true;

  const bool spoil = made->fault && made->fault->kind != ModbusFault::Kind::Exception;
  if (spoil && made->fault->kind == ModbusFault::Kind::Delay) pause(made->fault->delay, stop);
  const auto bytes = spoil ? damage(made->bytes, *made->fault, profile_.framing) : made->bytes;
  if (profile_.baud > 0) {
    constexpr int kBitsPerByte = 11;
    const auto bits = static_cast<int>(bytes.size()) * kBitsPerByte;
    pause(std::chrono::milliseconds(bits * 1000 / profile_.baud), stop);
  }
  const bool written = write_all(peer.wire, bytes);
  if (made->sequence) {
    if (spoil || !written) {
      log.spoiled(*made->sequence);
    } else {
      log.sent(*made->sequence);
      peer.unconfirmed.sent(*made->sequence, SteadyClock::now());
    }
  }
  return written && !(spoil && made->fault->kind == ModbusFault::Kind::Close);
}

ModbusDevice::Request ModbusDevice::parse(const Peer& peer, const std::uint8_t* bytes) const {
  const std::uint8_t* pdu = bytes + modbus_get_header_length(peer.context);
  Request request{.function = pdu[0], .address = pdu[1] << 8 | pdu[2], .count = 1};
  request.to_all = profile_.framing == Framing::Rtu && bytes[0] == 0;
  const bool counted = is_read(request.function) || request.function == kWriteCoils ||
                       request.function == kWriteRegisters;
  if (counted) request.count = pdu[3] << 8 | pdu[4];
  return request;
}

std::optional<ModbusDevice::Answer> ModbusDevice::answer(Peer& peer, const std::uint8_t* request,
                                                         int length) {
  const std::scoped_lock lock(mutex_);
  ++requests_;
  const Request parsed = parse(peer, request);
  Answer made;
  made.fault = take_fault(parsed);
  if (!running_ || (made.fault && made.fault->kind == ModbusFault::Kind::Silent)) {
    ++unanswered_;
    return std::nullopt;
  }
  refresh();
  const bool exception = made.fault && made.fault->kind == ModbusFault::Kind::Exception;
  if (!exception) made.sequence = number_sample(parsed);
  made.bytes = make_reply(peer, request, length, made.fault);
  if (is_write(parsed.function)) remember_write(parsed, made.bytes);
  return made;
}

std::optional<Sequence> ModbusDevice::number_sample(const Request& request) {
  if (!is_read(request.function)) return std::nullopt;
  const bool covered =
      bank_.covers("read_sequence", table_of(request.function), request.address, request.count);
  // A request that runs past the table is answered with an exception and carries no sample.
  if (!covered || request.address + request.count > RegisterBank::kTableSize) return std::nullopt;
  bank_.set_integer("read_sequence", static_cast<std::int64_t>(next_sequence_));
  return next_sequence_++;
}

std::vector<std::byte> ModbusDevice::make_reply(Peer& peer, const std::uint8_t* request, int length,
                                                const std::optional<ModbusFault>& fault) {
  modbus_set_socket(peer.context, capture_[0]);
  int made = 0;
  if (fault && fault->kind == ModbusFault::Kind::Exception) {
    made = modbus_reply_exception(peer.context, request, fault->exception_code);
  } else {
    made = modbus_reply(peer.context, request, length, bank_.mapping());
  }
  modbus_set_socket(peer.context, peer.wire);
  if (made <= 0) return {};
  std::vector<std::byte> reply(static_cast<std::size_t>(made));
  const ssize_t n = ::recv(capture_[1], reply.data(), reply.size(), MSG_DONTWAIT);
  reply.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
  const std::size_t function = static_cast<std::size_t>(modbus_get_header_length(peer.context));
  if (reply.size() > function && (reply[function] & std::byte{0x80}) != std::byte{}) ++exceptions_;
  return reply;
}

std::optional<ModbusFault> ModbusDevice::take_fault(const Request& request) {
  for (auto fault = faults_.begin(); fault != faults_.end(); ++fault) {
    const bool touched = !fault->address || (*fault->address >= request.address &&
                                             *fault->address < request.address + request.count);
    if (!touched) continue;
    ModbusFault taken = *fault;
    if (fault->count == 1) {
      faults_.erase(fault);
    } else if (fault->count > 1) {
      --fault->count;
    }
    return taken;
  }
  return std::nullopt;
}

void ModbusDevice::remember_write(const Request& request, const std::vector<std::byte>& reply) {
  const std::size_t function = profile_.framing == Framing::Tcp ? 7 : 1;
  WriteRecord record{.at = std::chrono::system_clock::now(), .request = request, .values = {}};
  // What went to all units has no reply; libmodbus carries it out where its tables reach.
  record.refused = request.to_all ? request.address + request.count > RegisterBank::kTableSize
                                  : reply.size() <= function ||
                                        (reply[function] & std::byte{0x80}) != std::byte{};
  const modbus_mapping_t& map = *bank_.mapping();
  const bool bits = table_of(request.function) == Table::Coil;
  for (int i = 0; !record.refused && i < request.count; ++i) {
    const int at = request.address + i;
    record.values.push_back(bits ? map.tab_bits[at] : map.tab_registers[at]);
  }
  writes_.push_back(std::move(record));
  if (writes_.size() > kWritesKept) writes_.pop_front();
}

void ModbusDevice::start() {
  const std::scoped_lock lock(mutex_);
  running_ = true;
}

void ModbusDevice::stop() {
  const std::scoped_lock lock(mutex_);
  running_ = false;
}

Status ModbusDevice::inject(const json::Value& order) {
  auto fault = read_fault(order, profile_.framing);
  if (!fault) return tl::unexpected(fault.error());
  const std::scoped_lock lock(mutex_);
  faults_.push_back(std::move(*fault));
  return {};
}

void ModbusDevice::heal() {
  const std::scoped_lock lock(mutex_);
  faults_.clear();
}

Status ModbusDevice::plug(bool) { return refused("only serial devices can be unplugged"); }

Status ModbusDevice::set_rate(double) { return refused("a polled device has no rate of its own"); }

void ModbusDevice::write_counters(json::Writer& writer) const {
  const std::scoped_lock lock(mutex_);
  const std::pair<const char*, std::uint64_t> counters[] = {
      {"requests", requests_},     {"bad_requests", bad_requests_},    {"unanswered", unanswered_},
      {"exceptions", exceptions_}, {"faults_pending", faults_.size()},
  };
  for (const auto& [name, value] : counters) {
    writer.Key(name);
    writer.Uint64(value);
  }
}

void ModbusDevice::write_values(json::Writer& writer) {
  const std::scoped_lock lock(mutex_);
  refresh();
  bank_.write(writer);
}

void ModbusDevice::write_writes(json::Writer& writer) const {
  const std::scoped_lock lock(mutex_);
  writer.StartArray();
  for (const WriteRecord& record : writes_) {
    const std::string_view table = name_of(table_of(record.request.function));
    writer.StartObject();
    writer.Key("unix_ms");
    writer.Int64(std::chrono::duration_cast<std::chrono::milliseconds>(record.at.time_since_epoch())
                     .count());
    writer.Key("function");
    writer.Int(record.request.function);
    writer.Key("table");
    writer.String(table.data(), static_cast<rapidjson::SizeType>(table.size()));
    writer.Key("address");
    writer.Int(record.request.address);
    writer.Key("values");
    writer.StartArray();
    for (const std::uint16_t value : record.values) writer.Uint(value);
    writer.EndArray();
    writer.Key("refused");
    writer.Bool(record.refused);
    writer.EndObject();
  }
  writer.EndArray();
}

}  // namespace hubward::plant
