// Our Modbus codec against peers we did not write, over real sockets and a pseudo-terminal pair:
// libmodbus as the server, mbpoll and pymodbus as clients of a server made from our parser.
#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <modbus/modbus.h>
#include <netinet/in.h>
#include <poll.h>
#include <pty.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "proto/modbus/rtu.h"
#include "proto/modbus/tcp.h"

namespace hubward::modbus {
namespace {

constexpr std::uint8_t kUnit = 17;
constexpr int kRegisters = 2000;
constexpr int kPatienceMs = 5000;

class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) { REQUIRE(fd >= 0); }
  ~Descriptor() { ::close(fd_); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int get() const { return fd_; }

  void write(std::span<const std::byte> bytes) const {
    REQUIRE(::write(fd_, bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
  }
  // What is there, waiting for the first byte; empty at the end of the stream or of patience.
  [[nodiscard]] std::vector<std::byte> read() const {
    pollfd wait{fd_, POLLIN, 0};
    if (::poll(&wait, 1, kPatienceMs) <= 0) return {};
    std::vector<std::byte> bytes(300);
    const auto count = ::read(fd_, bytes.data(), bytes.size());
    bytes.resize(count > 0 ? static_cast<std::size_t>(count) : 0);
    return bytes;
  }

 private:
  int fd_;
};

Descriptor listen_anywhere(std::uint16_t& port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  REQUIRE(::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  REQUIRE(::listen(fd, 5) == 0);
  socklen_t size = sizeof address;
  REQUIRE(::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size) == 0);
  port = ntohs(address.sin_port);
  return Descriptor(fd);
}

int connect_to(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  REQUIRE(::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
  return fd;
}

// A libmodbus server's memory: register i holds 100 + i, coil i is on for every third i.
struct Mapping {
  modbus_mapping_t* it = modbus_mapping_new(kRegisters, kRegisters, kRegisters, kRegisters);
  Mapping() {
    for (int i = 0; i < kRegisters; ++i) {
      it->tab_registers[i] = it->tab_input_registers[i] = static_cast<std::uint16_t>(100 + i);
      it->tab_bits[i] = it->tab_input_bits[i] = static_cast<std::uint8_t>(i % 3 == 0);
    }
  }
  ~Mapping() { modbus_mapping_free(it); }
};

using Ask = std::function<Answer(const Request&)>;

// One conversation that touches every function, as any client of ours would lead it.
void converse(const Ask& ask) {
  const auto values = [](const Answer& answer) { return std::get<ReadAnswer>(answer).values; };
  for (const Table table : {Table::HoldingRegister, Table::InputRegister}) {
    for (const std::uint16_t count : std::initializer_list<std::uint16_t>{1, 2, 3, 100, 125}) {
      const auto got = values(ask(ReadRequest{table, 7, count}));
      REQUIRE(got.size() == count);
      for (std::uint16_t i = 0; i < count; ++i) REQUIRE(got[i] == 107 + i);
    }
  }
  for (const Table table : {Table::Coil, Table::DiscreteInput}) {
    for (const std::uint16_t count : std::initializer_list<std::uint16_t>{1, 7, 8, 9, 17, 1999}) {
      const auto got = values(ask(ReadRequest{table, 1, count}));
      REQUIRE(got.size() == count);
      for (std::uint16_t i = 0; i < count; ++i) REQUIRE(got[i] == ((i + 1) % 3 == 0 ? 1 : 0));
    }
  }
  CHECK(ask(WriteRegister{10, 4711}) == Answer{WriteAnswer{}});
  CHECK(ask(WriteRegisters{11, {1, 2, 0xFFFF}}) == Answer{WriteAnswer{}});
  CHECK(ask(WriteCoil{20, true}) == Answer{WriteAnswer{}});
  CHECK(ask(WriteCoils{21, {true, false, true}}) == Answer{WriteAnswer{}});
  CHECK(values(ask(ReadRequest{Table::HoldingRegister, 10, 4})) ==
        std::vector<std::uint16_t>{4711, 1, 2, 0xFFFF});
  CHECK(values(ask(ReadRequest{Table::Coil, 20, 4})) == std::vector<std::uint16_t>{1, 1, 0, 1});
  CHECK(ask(ReadRequest{Table::HoldingRegister, kRegisters, 1}) ==
        Answer{ExceptionAnswer{ExceptionCode::IllegalDataAddress}});
  CHECK(ask(WriteRegister{kRegisters, 1}) ==
        Answer{ExceptionAnswer{ExceptionCode::IllegalDataAddress}});
}

void serve(modbus_t* context, modbus_mapping_t* mapping) {
  std::array<std::uint8_t, MODBUS_MAX_ADU_LENGTH> query{};
  for (;;) {
    const int length = modbus_receive(context, query.data());
    if (length < 0) return;
    if (length > 0) modbus_reply(context, query.data(), length, mapping);
  }
}

TEST_CASE("our client and libmodbus' TCP server understand each other") {
  Mapping mapping;
  std::uint16_t port = 0;
  const Descriptor listener = listen_anywhere(port);
  modbus_t* context = modbus_new_tcp("127.0.0.1", port);
  std::thread server([&] {
    int socket = listener.get();
    if (modbus_tcp_accept(context, &socket) >= 0) serve(context, mapping.it);
  });
  {
    const Descriptor connection(connect_to(port));
    TcpFrameReader reader;
    std::uint16_t transaction = 0xFFF0;
    converse([&](const Request& request) {
      ++transaction;
      connection.write(encode_tcp(transaction, kUnit, encode_request(request).value()));
      for (;;) {
        const auto frame = reader.next();
        REQUIRE(frame);
        if (*frame) {
          CHECK((*frame)->transaction == transaction);
          CHECK((*frame)->unit == kUnit);
          return parse_answer(request, (*frame)->pdu).value();
        }
        const auto bytes = connection.read();
        REQUIRE_FALSE(bytes.empty());
        reader.push(bytes);
      }
    });
  }
  server.join();  // the connection is closed, so it ends
  modbus_free(context);
}

TEST_CASE("our client and libmodbus' RTU server understand each other over a terminal pair") {
  int master = -1;
  int slave = -1;
  std::array<char, 128> name{};
  REQUIRE(::openpty(&master, &slave, name.data(), nullptr, nullptr) == 0);
  const Descriptor line(master);
  termios raw{};
  REQUIRE(::tcgetattr(slave, &raw) == 0);
  ::cfmakeraw(&raw);
  REQUIRE(::tcsetattr(slave, TCSANOW, &raw) == 0);

  Mapping mapping;
  modbus_t* context = modbus_new_rtu(name.data(), 115200, 'N', 8, 1);
  modbus_set_slave(context, kUnit);
  modbus_set_indication_timeout(context, 1, 0);  // so that the server's thread ends
  REQUIRE(modbus_connect(context) == 0);
  ::close(slave);
  std::thread server([&] { serve(context, mapping.it); });

  RtuAnswerReader reader;
  converse([&](const Request& request) {
    reader.reset();
    line.write(encode_rtu(kUnit, encode_request(request).value()));
    for (;;) {
      const auto frame = reader.next();
      REQUIRE(frame);
      if (*frame) {
        CHECK((*frame)->unit == kUnit);
        return parse_answer(request, (*frame)->pdu).value();
      }
      const auto bytes = line.read();
      REQUIRE_FALSE(bytes.empty());
      reader.push(bytes);
    }
  });
  server.join();
  modbus_close(context);
  modbus_free(context);
}

// A server made from our own parser, for clients of others. Serves until the test ends.
class OurServer {
 public:
  OurServer() : listener_(listen_anywhere(port_)), thread_([this] { run(); }) {}
  ~OurServer() {
    ::shutdown(listener_.get(), SHUT_RDWR);
    thread_.join();
  }
  OurServer(const OurServer&) = delete;
  OurServer& operator=(const OurServer&) = delete;
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
              encode_tcp((*frame)->transaction, (*frame)->unit, answer((*frame)->pdu)));
        }
      }
    }
  }
  std::vector<std::byte> answer(std::span<const std::byte> pdu) {
    const auto request = parse_request(pdu);
    if (!request) return {pdu[0] | std::byte{kExceptionFlag}, std::byte{1}};
    return encode_answer(*request, serve(*request));
  }
  Answer serve(const Request& request) {
    if (const auto* read = std::get_if<ReadRequest>(&request)) {
      if (read->address + read->count > kRegisters) {
        return ExceptionAnswer{ExceptionCode::IllegalDataAddress};
      }
      ReadAnswer answer;
      for (int i = read->address; i < read->address + read->count; ++i) {
        answer.values.push_back(value(read->table, i));
      }
      return answer;
    }
    if (const auto* one = std::get_if<WriteRegister>(&request)) {
      written_[{Table::HoldingRegister, one->address}] = one->value;
    } else if (const auto* coil = std::get_if<WriteCoil>(&request)) {
      written_[{Table::Coil, coil->address}] = coil->on ? 1 : 0;
    } else if (const auto* many = std::get_if<WriteRegisters>(&request)) {
      int at = many->address;
      for (const auto v : many->values) written_[{Table::HoldingRegister, at++}] = v;
    } else if (const auto* coils = std::get_if<WriteCoils>(&request)) {
      int at = coils->address;
      for (const bool on : coils->on) written_[{Table::Coil, at++}] = on ? 1 : 0;
    }
    return WriteAnswer{};
  }
  [[nodiscard]] std::uint16_t value(Table table, int address) const {
    const auto known = written_.find({table, address});
    if (known != written_.end()) return known->second;
    return holds_bits(table) ? static_cast<std::uint16_t>(address % 3 == 0 ? 1 : 0)
                             : static_cast<std::uint16_t>(100 + address);
  }

  std::uint16_t port_ = 0;
  std::map<std::pair<Table, int>, std::uint16_t> written_;
  Descriptor listener_;
  std::thread thread_;
};

struct Output {
  int status;
  std::string text;
};
Output run(const std::string& command) {
  Output output{-1, {}};
  FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
  REQUIRE(pipe != nullptr);
  std::array<char, 256> line{};
  while (std::fgets(line.data(), line.size(), pipe) != nullptr) output.text += line.data();
  output.status = ::pclose(pipe);
  return output;
}

TEST_CASE("mbpoll reads and writes a server made from our parser") {
  OurServer server;
  const std::string mbpoll = "mbpoll -1 -q -m tcp -a 17 -p " + std::to_string(server.port());
  struct Row {
    const char* why;
    std::string arguments;
    std::string expected;
  };
  const Row rows[] = {
      {"holding registers", " -t 4 -r 1 -c 3 127.0.0.1", "[3]: \t102"},
      {"input registers", " -t 3 -r 5 -c 2 127.0.0.1", "[6]: \t105"},
      {"coils", " -t 0 -r 1 -c 4 127.0.0.1", "[4]: \t1"},
      {"discrete inputs", " -t 1 -r 2 -c 3 127.0.0.1", "[4]: \t1"},
      {"one register", " -t 4 -r 11 127.0.0.1 4711", "Written 1 references"},
      {"three registers", " -t 4 -r 12 127.0.0.1 1 2 3", "Written 3 references"},
      {"coils written", " -t 0 -r 21 127.0.0.1 1 0 1", "Written 3 references"},
      {"what was written", " -t 4 -r 11 -c 4 127.0.0.1",
       "[11]: \t4711\n[12]: \t1\n[13]: \t2\n[14]: \t3"},
      {"no such address", " -t 4 -r 5000 -c 1 127.0.0.1", "Illegal data address"},
  };
  for (const Row& row : rows) {
    CAPTURE(std::string(row.why));
    const Output output = run(mbpoll + row.arguments);
    CAPTURE(output.text);
    CHECK(output.text.find(row.expected) != std::string::npos);
  }
}

TEST_CASE("pymodbus reads and writes a server made from our parser") {
  OurServer server;
  const Output output = run(HUBWARD_PYMODBUS_CLIENT " " + std::to_string(server.port()));
  CAPTURE(output.text);
  CHECK(output.status == 0);
  CHECK(output.text.find("pymodbus is content") != std::string::npos);
}

}  // namespace
}  // namespace hubward::modbus
