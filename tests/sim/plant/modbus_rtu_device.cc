#include "tests/sim/plant/modbus_rtu_device.h"

#include <poll.h>

#include <utility>

namespace hubward::plant {
namespace {

constexpr std::chrono::milliseconds kIdleLook{5};

modbus_t* new_codec(int baud, int unit_id) {
  // Never connected: the descriptor is set for each line, only the codec is used.
  modbus_t* context = modbus_new_rtu("/dev/null", baud, 'N', 8, 1);
  modbus_set_slave(context, unit_id);
  modbus_set_indication_timeout(context, 0, 200'000);
  modbus_set_byte_timeout(context, 0, 50'000);
  modbus_set_response_timeout(context, 0, 10'000);
  return context;
}

}  // namespace

ModbusRtuDevice::ModbusRtuDevice(ModbusProfile profile, std::filesystem::path link)
    : ModbusDevice(std::move(profile)), pty_(std::move(link)) {
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

ModbusRtuDevice::~ModbusRtuDevice() { shut_down(); }

void ModbusRtuDevice::shut_down() {
  if (!thread_.joinable()) return;
  thread_.request_stop();
  thread_.join();
}

void ModbusRtuDevice::close_line(Peer& peer, bool has_successor) {
  peer.unconfirmed.peer_left(SteadyClock::now(), log);
  if (!has_successor) pty_.forget_reader();
}

// libmodbus takes what comes after a request to somebody else for its answer, and swallows it, also
// when it is the next request to this unit because the other one was silent.
void ModbusRtuDevice::heard_another(Peer& peer) {
  modbus_set_socket(peer.context, -1);
  modbus_free(peer.context);
  peer.context = new_codec(profile().baud, profile().unit_id);
}

void ModbusRtuDevice::run(const std::stop_token& stop) {
  Peer peer;
  peer.context = new_codec(profile().baud, profile().unit_id);
  bool had_reader = false;
  while (!stop.stop_requested()) {
    {
      const std::scoped_lock lock(line_mutex_);
      const bool left = pty_.reader_left();
      const bool reader = pty_.has_reader();
      if (had_reader && (left || !reader)) close_line(peer, reader);
      had_reader = reader;
      if (reader) {
        peer.wire = pty_.wire();
        modbus_set_socket(peer.context, peer.wire);
        pollfd ready{peer.wire, POLLIN, 0};
        if (::poll(&ready, 1, 0) > 0 && (ready.revents & POLLIN) != 0) {
          serve(peer, stop);
          continue;
        }
      }
    }
    pause(kIdleLook, stop);
  }
  if (had_reader) close_line(peer, false);
  modbus_set_socket(peer.context, -1);
  modbus_free(peer.context);
}

void ModbusRtuDevice::describe(json::Writer& writer) const {
  writer.Key("path");
  writer.String(std::filesystem::absolute(pty_.link()).string());
  writer.Key("baud");
  writer.Int(profile().baud);
  writer.Key("unit_id");
  writer.Int(profile().unit_id);
}

Status ModbusRtuDevice::send(const json::Value& order) {
  const auto hex = json::as_string(json::find(order, "hex"));
  auto bytes = from_hex(hex.value_or(""));
  if (!hex || !bytes) return refused("\"hex\" must be pairs of hexadecimal digits");
  const std::scoped_lock lock(line_mutex_);
  if (!pty_.has_reader()) return refused("nobody has the line open");
  if (!write_all(pty_.wire(), *bytes)) return refused("the line took no more bytes");
  return {};
}

Status ModbusRtuDevice::plug(bool in) {
  const std::scoped_lock lock(line_mutex_);
  if (in) {
    if (!pty_.plug_in()) return refused("no pseudo-terminal could be opened");
  } else {
    pty_.unplug();
  }
  return {};
}

}  // namespace hubward::plant
