// A server made from our Modbus parser, and clients that we did not write: libmodbus, mbpoll and
// pymodbus.
#include <modbus/modbus.h>

#include <atomic>
#include <cerrno>
#include <map>
#include <thread>

#include "proto/modbus/rtu.h"
#include "proto/modbus/tcp.h"
#include "tests/scenario/modbus_interop_peer.h"

namespace hubward::modbus {
namespace {

// What the server holds, by the rules that the peers of tests/sim/modbus_peers keep.
class Memory {
 public:
  // Empty: no answer.
  std::vector<std::byte> answer(std::span<const std::byte> pdu) {
    const auto request = parse_request(pdu);
    if (!request) {
      const bool unknown = request.error().code == ErrorCode::Malformed;
      return {pdu[0] | std::byte{kExceptionFlag}, unknown ? std::byte{1} : std::byte{3}};
    }
    return encode_answer(*request, serve(*request));
  }

 private:
  Answer serve(const Request& request) {
    if (std::holds_alternative<ReadIdentification>(request)) {
      return Identification{1, 1, false, 0, {{0, "Acme"}, {1, "HW"}, {2, "V1.0"}}};
    }
    const auto place = touched(request);
    if (place.address > kExceptionsAt && place.address < kExceptionsAt + 100) {
      return ExceptionAnswer{static_cast<ExceptionCode>(place.address - kExceptionsAt)};
    }
    if (place.address + place.count > kRegisters) {
      return ExceptionAnswer{ExceptionCode::IllegalDataAddress};
    }
    write(request);
    if (const auto* read = std::get_if<ReadRequest>(&request)) return values(*read);
    if (const auto* both = std::get_if<ReadWriteRegisters>(&request)) {
      return values({Table::HoldingRegister, both->read_address, both->read_count});
    }
    return WriteAnswer{};
  }
  static ReadRequest touched(const Request& request) {
    if (const auto* read = std::get_if<ReadRequest>(&request)) return *read;
    if (const auto* coil = std::get_if<WriteCoil>(&request)) return {Table::Coil, coil->address, 1};
    if (const auto* coils = std::get_if<WriteCoils>(&request)) {
      return {Table::Coil, coils->address, static_cast<std::uint16_t>(coils->on.size())};
    }
    if (const auto* one = std::get_if<WriteRegister>(&request)) return {{}, one->address, 1};
    if (const auto* mask = std::get_if<MaskWrite>(&request)) return {{}, mask->address, 1};
    if (const auto* many = std::get_if<WriteRegisters>(&request)) {
      return {{}, many->address, static_cast<std::uint16_t>(many->values.size())};
    }
    const auto& both = std::get<ReadWriteRegisters>(request);
    return {{}, both.read_address, both.read_count};
  }
  void write(const Request& request) {
    const auto set = [&](Table table, int address, std::uint16_t value) {
      written_[{table, address}] = value;
    };
    const auto set_all = [&](int address, const std::vector<std::uint16_t>& all) {
      for (const auto value : all) set(Table::HoldingRegister, address++, value);
    };
    if (const auto* one = std::get_if<WriteRegister>(&request)) {
      set_all(one->address, {one->value});
    } else if (const auto* many = std::get_if<WriteRegisters>(&request)) {
      set_all(many->address, many->values);
    } else if (const auto* both = std::get_if<ReadWriteRegisters>(&request)) {
      set_all(both->address, both->values);
    } else if (const auto* mask = std::get_if<MaskWrite>(&request)) {
      const unsigned held = value(Table::HoldingRegister, mask->address);
      const unsigned kept = held & mask->and_mask;
      const unsigned added = mask->or_mask & ~unsigned{mask->and_mask};
      set_all(mask->address, {static_cast<std::uint16_t>(kept | added)});
    } else if (const auto* coil = std::get_if<WriteCoil>(&request)) {
      set(Table::Coil, coil->address, coil->on ? 1 : 0);
    } else if (const auto* coils = std::get_if<WriteCoils>(&request)) {
      int at = coils->address;
      for (const bool on : coils->on) set(Table::Coil, at++, on ? 1 : 0);
    }
  }
  [[nodiscard]] ReadAnswer values(const ReadRequest& read) const {
    ReadAnswer answer;
    for (int i = read.address; i < read.address + read.count; ++i) {
      answer.values.push_back(value(read.table, i));
    }
    return answer;
  }
  [[nodiscard]] std::uint16_t value(Table table, int address) const {
    const auto known = written_.find({table, address});
    if (known != written_.end()) return known->second;
    return holds_bits(table) ? static_cast<std::uint16_t>(address % 3 == 0 ? 1 : 0)
                             : static_cast<std::uint16_t>(100 + address);
  }

  std::map<std::pair<Table, int>, std::uint16_t> written_;
};

// Both serve until the test ends.
class TcpServer {
 public:
  TcpServer() : listener_(listen_anywhere(port_)), thread_([this] { run(); }) {}
  ~TcpServer() {
    ::shutdown(listener_.get(), SHUT_RDWR);
    thread_.join();
  }
  TcpServer(const TcpServer&) = delete;
  TcpServer& operator=(const TcpServer&) = delete;
  [[nodiscard]] std::uint16_t port() const { return port_; }

 private:
  void run() {
    for (;;) {
      const int fd = ::accept(listener_.get(), nullptr, nullptr);
      if (fd < 0) return;
      const Descriptor connection(fd);
      TcpFrameReader reader;
      for (auto bytes = connection.read(); !bytes.empty(); bytes = connection.read()) {
        reader.push(bytes);
        for (auto frame = reader.next(); frame && *frame; frame = reader.next()) {
          connection.write(
              encode_tcp((*frame)->transaction, (*frame)->unit, memory_.answer((*frame)->pdu)));
        }
      }
    }
  }

  std::uint16_t port_ = 0;
  Memory memory_;
  Descriptor listener_;
  std::thread thread_;
};

class LineServer {
 public:
  LineServer() : line_(terminals_.ours), thread_([this] { run(); }) {}
  ~LineServer() {
    stop_ = true;
    thread_.join();
  }
  LineServer(const LineServer&) = delete;
  LineServer& operator=(const LineServer&) = delete;
  [[nodiscard]] const std::string& path() const { return terminals_.path; }

 private:
  // Silence ends a frame, and no terminal pair keeps it as short as a line does.
  static constexpr int kSilenceMs = 20;

  void run() {
    std::vector<std::byte> frame;
    while (!stop_) {
      const auto bytes = line_.read(kSilenceMs);
      frame.insert(frame.end(), bytes.begin(), bytes.end());
      if (!bytes.empty() || frame.empty()) continue;
      const auto request = parse_rtu(frame);
      frame.clear();
      if (!request || request->unit != kUnit) continue;
      line_.write(encode_rtu(kUnit, memory_.answer(request->pdu)));
    }
  }

  Terminals terminals_;
  Descriptor line_;
  Memory memory_;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

// libmodbus as the client, with all functions that it has. It reads none of 43.
void libmodbus_converses(modbus_t* client) {
  modbus_set_slave(client, kUnit);
  modbus_set_response_timeout(client, 5, 0);
  REQUIRE(modbus_connect(client) == 0);
  std::array<std::uint16_t, 125> words{};
  std::array<std::uint8_t, 2000> bits{};
  REQUIRE(modbus_read_registers(client, 7, 125, words.data()) == 125);
  CHECK(words[0] == 107);
  CHECK(words[124] == 231);
  REQUIRE(modbus_read_input_registers(client, 0, 3, words.data()) == 3);
  CHECK(words[2] == 102);
  REQUIRE(modbus_read_bits(client, 1, 1999, bits.data()) == 1999);
  CHECK(bits[2] == 1);
  CHECK(bits[1998] == 0);
  REQUIRE(modbus_read_input_bits(client, 5, 3, bits.data()) == 3);
  CHECK(bits[1] == 1);
  CHECK(modbus_write_register(client, 10, 4711) == 1);
  const std::array<std::uint16_t, 3> many{1, 2, 0xFFFF};
  CHECK(modbus_write_registers(client, 11, 3, many.data()) == 3);
  REQUIRE(modbus_read_registers(client, 10, 4, words.data()) == 4);
  CHECK(words[0] == 4711);
  CHECK(words[3] == 0xFFFF);
  CHECK(modbus_write_bit(client, 20, 1) == 1);
  const std::array<std::uint8_t, 3> coils{1, 0, 1};
  CHECK(modbus_write_bits(client, 21, 3, coils.data()) == 3);
  REQUIRE(modbus_read_bits(client, 20, 4, bits.data()) == 4);
  CHECK(std::array{bits[0], bits[1], bits[2], bits[3]} == std::array<std::uint8_t, 4>{1, 1, 0, 1});
  CHECK(modbus_write_register(client, 30, 0x12) == 1);
  CHECK(modbus_mask_write_register(client, 30, 0xF2, 0x25) == 1);
  REQUIRE(modbus_read_registers(client, 30, 1, words.data()) == 1);
  CHECK(words[0] == 0x17);
  const std::array<std::uint16_t, 2> both{7, 8};
  REQUIRE(modbus_write_and_read_registers(client, 41, 2, both.data(), 40, 4, words.data()) == 4);
  CHECK(std::array{words[0], words[1], words[2], words[3]} ==
        std::array<std::uint16_t, 4>{140, 7, 8, 143});
  struct Exception {
    int code;
    int number;  // libmodbus' for it
  };
  const Exception exceptions[] = {{2, EMBXILADD}, {3, EMBXILVAL},  {4, EMBXSFAIL},
                                  {6, EMBXSBUSY}, {10, EMBXGPATH}, {11, EMBXGTAR}};
  for (const Exception& one : exceptions) {
    CAPTURE(one.code);
    CHECK(modbus_read_registers(client, kExceptionsAt + one.code, 1, words.data()) == -1);
    CHECK(errno == one.number);
    CHECK(modbus_write_register(client, kExceptionsAt + one.code, 1) == -1);
    CHECK(errno == one.number);
  }
  modbus_close(client);
  modbus_free(client);
}

TEST_CASE("libmodbus reads and writes a server made from our parser over TCP") {
  const TcpServer server;
  libmodbus_converses(modbus_new_tcp("127.0.0.1", server.port()));
}

TEST_CASE("libmodbus reads and writes a server made from our parser on a line") {
  const LineServer server;
  libmodbus_converses(modbus_new_rtu(server.path().c_str(), 115200, 'N', 8, 1));
}

// It has functions 1 to 6, 15 and 16.
void mbpoll_converses(const std::string& options, const std::string& where) {
  struct Row {
    const char* why;
    std::string arguments;
    std::string values;
    std::string expected;
  };
  const Row rows[] = {
      {"holding registers", "-t 4 -r 1 -c 3", "", "[3]: \t102"},
      {"input registers", "-t 3 -r 5 -c 2", "", "[6]: \t105"},
      {"coils", "-t 0 -r 1 -c 4", "", "[4]: \t1"},
      {"discrete inputs", "-t 1 -r 2 -c 3", "", "[4]: \t1"},
      {"one register", "-t 4 -r 11", "4711", "Written 1 references"},
      {"three registers", "-t 4 -r 12", "1 2 3", "Written 3 references"},
      {"one coil", "-t 0 -r 31", "0", "Written 1 references"},
      {"coils written", "-t 0 -r 21", "1 0 1", "Written 3 references"},
      {"what was written", "-t 4 -r 11 -c 4", "", "[11]: \t4711\n[12]: \t1\n[13]: \t2\n[14]: \t3"},
      {"the coils that were", "-t 0 -r 21 -c 3", "", "[21]: \t1\n[22]: \t0\n[23]: \t1"},
      {"the one that was", "-t 0 -r 31 -c 1", "", "[31]: \t0"},
      {"a float, low word first", "-t 4:float -r 51", "1234.5", "Written 1 references"},
      {"its first word", "-t 4:hex -r 51 -c 2", "", "[51]: \t0x5000\n[52]: \t0x449A"},
      {"a float, high word first", "-t 4:float -B -r 53", "1234.5", "Written 1 references"},
      {"its words", "-t 4:hex -r 53 -c 2", "", "[53]: \t0x449A\n[54]: \t0x5000"},
      {"and as a float", "-t 4:float -B -r 53 -c 1", "", "[53]: \t1234.5"},
      {"no such address", "-t 4 -r 2501 -c 1", "", "Illegal data address"},
      {"exception 3", "-t 4 -r 3004 -c 1", "", "Illegal data value"},
      {"exception 4", "-t 4 -r 3005 -c 1", "", "Slave device or server failure"},
      {"exception 6", "-t 4 -r 3007 -c 1", "", "Slave device or server is busy"},
      {"exception 10", "-t 4 -r 3011 -c 1", "", "Gateway path unavailable"},
      {"exception 11", "-t 4 -r 3012 -c 1", "", "Target device failed to respond"},
  };
  for (const Row& row : rows) {
    CAPTURE(std::string(row.why));
    const Output output = run("mbpoll -1 -q -a 17 -o 5 " + options + " " + row.arguments + " " +
                              where + " " + row.values);
    CAPTURE(output.text);
    CHECK(output.text.find(row.expected) != std::string::npos);
  }
}

TEST_CASE("mbpoll reads and writes a server made from our parser over TCP") {
  const TcpServer server;
  mbpoll_converses("-m tcp -p " + std::to_string(server.port()), "127.0.0.1");
}

TEST_CASE("mbpoll reads and writes a server made from our parser on a line") {
  const LineServer server;
  mbpoll_converses("-m rtu -b 115200 -P none", server.path());
}

void pymodbus_converses(const std::string& where) {
  const Output output = run(HUBWARD_PYMODBUS_CLIENT " " + where);
  CAPTURE(output.text);
  CHECK(output.status == 0);
  CHECK(output.text.find("pymodbus is content") != std::string::npos);
}

TEST_CASE("pymodbus reads and writes a server made from our parser over TCP") {
  const TcpServer server;
  pymodbus_converses("tcp " + std::to_string(server.port()));
}

TEST_CASE("pymodbus reads and writes a server made from our parser on a line") {
  const LineServer server;
  pymodbus_converses("rtu " + server.path());
}

}  // namespace
}  // namespace hubward::modbus
