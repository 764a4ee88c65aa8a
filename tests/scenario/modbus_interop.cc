// Our Modbus codec as the client of servers that we did not write, over real sockets and terminals:
// libmodbus, pymodbus and modbus-serial (npm).
#include <functional>

#include "proto/modbus/rtu.h"
#include "proto/modbus/tcp.h"
#include "proto/modbus/value.h"
#include "tests/scenario/modbus_interop_peer.h"

namespace hubward::modbus {
namespace {

using Ask = std::function<Answer(const Request&)>;

// What a server can, besides functions 1 to 6, 15 and 16.
struct Abilities {
  bool masks = false;               // 22
  bool reads_as_it_writes = false;  // 23
  const char* product = nullptr;    // 43/14: its product code
};

std::vector<std::uint16_t> values(const Answer& answer) {
  REQUIRE(std::holds_alternative<ReadAnswer>(answer));
  return std::get<ReadAnswer>(answer).values;
}
Answer refusal(ExceptionCode code) { return ExceptionAnswer{code}; }

void read_everything(const Ask& ask) {
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
}

void read_floats_in_every_order(const Ask& ask) {
  std::uint16_t address = 1500;
  for (const ByteOrder bytes : {ByteOrder::HighFirst, ByteOrder::LowFirst}) {
    for (const WordOrder words : {WordOrder::HighFirst, WordOrder::LowFirst}) {
      CAPTURE(address);
      ValueFormat format;
      format.type = ValueType::Float32;
      format.word_order = words;
      format.byte_order = bytes;
      const auto held = values(ask(ReadRequest{Table::HoldingRegister, address, 2}));
      CHECK(decode(held, format).value() == Value{1234.5});
      address += 2;
    }
  }
}

void write_everything(const Ask& ask) {
  CHECK(ask(WriteRegister{10, 4711}) == Answer{WriteAnswer{}});
  CHECK(ask(WriteRegisters{11, {1, 2, 0xFFFF}}) == Answer{WriteAnswer{}});
  CHECK(ask(WriteCoil{20, true}) == Answer{WriteAnswer{}});
  CHECK(ask(WriteCoils{21, {true, false, true}}) == Answer{WriteAnswer{}});
  CHECK(values(ask(ReadRequest{Table::HoldingRegister, 10, 4})) ==
        std::vector<std::uint16_t>{4711, 1, 2, 0xFFFF});
  CHECK(values(ask(ReadRequest{Table::Coil, 20, 4})) == std::vector<std::uint16_t>{1, 1, 0, 1});
  CHECK(ask(WriteCoil{20, false}) == Answer{WriteAnswer{}});
  CHECK(values(ask(ReadRequest{Table::Coil, 20, 1})) == std::vector<std::uint16_t>{0});
}

void hear_every_exception(const Ask& ask) {
  CHECK(ask(ReadRequest{Table::HoldingRegister, kRegisters, 1}) ==
        refusal(ExceptionCode::IllegalDataAddress));
  CHECK(ask(WriteRegister{kRegisters, 1}) == refusal(ExceptionCode::IllegalDataAddress));
  for (const ExceptionCode code :
       {ExceptionCode::IllegalFunction, ExceptionCode::IllegalDataAddress,
        ExceptionCode::IllegalDataValue, ExceptionCode::ServerDeviceFailure,
        ExceptionCode::Acknowledge, ExceptionCode::ServerDeviceBusy,
        ExceptionCode::MemoryParityError, ExceptionCode::GatewayPathUnavailable,
        ExceptionCode::GatewayTargetFailedToRespond}) {
    const auto address = static_cast<std::uint16_t>(kExceptionsAt + static_cast<int>(code));
    CAPTURE(describe(code));
    CHECK(ask(ReadRequest{Table::HoldingRegister, address, 1}) == refusal(code));
    CHECK(ask(ReadRequest{Table::DiscreteInput, address, 1}) == refusal(code));
    CHECK(ask(WriteRegisters{address, {1, 2}}) == refusal(code));
  }
}

void use_its_abilities(const Ask& ask, const Abilities& can) {
  if (can.masks) {
    // The example of section 6.16: 0x12 masked with and 0xF2, or 0x25 becomes 0x17.
    CHECK(ask(WriteRegister{30, 0x12}) == Answer{WriteAnswer{}});
    CHECK(ask(MaskWrite{30, 0xF2, 0x25}) == Answer{WriteAnswer{}});
    CHECK(values(ask(ReadRequest{Table::HoldingRegister, 30, 1})) ==
          std::vector<std::uint16_t>{0x17});
  } else {
    CHECK(ask(MaskWrite{30, 0xF2, 0x25}) == refusal(ExceptionCode::IllegalFunction));
  }
  if (can.reads_as_it_writes) {
    // Written first, then read (section 6.17): the answer shows what was just written.
    CHECK(values(ask(ReadWriteRegisters{40, 4, 41, {7, 8}})) ==
          std::vector<std::uint16_t>{140, 7, 8, 143});
    std::vector<std::uint16_t> most(kReadWriteRegistersMax, 0xABCD);
    CHECK(values(ask(ReadWriteRegisters{200, kReadRegistersMax, 204, most})).at(124) == 0xABCD);
    CHECK(ask(ReadWriteRegisters{kRegisters, 1, 40, {1}}) ==
          refusal(ExceptionCode::IllegalDataAddress));
  }
  if (can.product != nullptr) {
    const Answer answer = ask(ReadIdentification{1, 0});
    REQUIRE(std::holds_alternative<Identification>(answer));
    const auto& objects = std::get<Identification>(answer).objects;
    REQUIRE(objects.size() == 3);
    CHECK(objects[0] == std::pair<std::uint8_t, std::string>{0, "Acme"});
    CHECK(objects[1] == std::pair<std::uint8_t, std::string>{1, can.product});
  }
}

// As any client of ours would lead it.
void converse(const Ask& ask, const Abilities& can) {
  read_everything(ask);
  read_floats_in_every_order(ask);
  write_everything(ask);
  hear_every_exception(ask);
  use_its_abilities(ask, can);
}

void converse_over_tcp(std::uint16_t port, const Abilities& can) {
  const Descriptor connection(connect_to(port));
  TcpFrameReader reader;
  std::uint16_t transaction = 0xFFF0;
  converse(
      [&](const Request& request) {
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
      },
      can);
}

void converse_over_a_line(const Descriptor& line, const Abilities& can) {
  RtuAnswerReader reader;
  converse(
      [&](const Request& request) {
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
      },
      can);
}

void talk_over_tcp(const std::string& program, const Abilities& can) {
  const auto server = Server::start(program + " tcp");
  REQUIRE(server != nullptr);
  converse_over_tcp(server->port(), can);
}
void talk_over_a_line(const std::string& program, const Abilities& can) {
  Terminals terminals;
  const Descriptor line(terminals.ours);
  const auto server = Server::start(program + " rtu " + terminals.path);
  REQUIRE(server != nullptr);
  converse_over_a_line(line, can);
}

constexpr Abilities kLibmodbus{.masks = true, .reads_as_it_writes = true};
constexpr Abilities kPymodbus{.masks = true, .reads_as_it_writes = true, .product = "PY"};
constexpr Abilities kModbusSerial{.product = "JS"};

TEST_CASE("our client and libmodbus' server understand each other over TCP") {
  talk_over_tcp(HUBWARD_LIBMODBUS_SERVER, kLibmodbus);
}
TEST_CASE("our client and libmodbus' server understand each other on a line") {
  talk_over_a_line(HUBWARD_LIBMODBUS_SERVER, kLibmodbus);
}
TEST_CASE("our client and pymodbus' server understand each other over TCP") {
  talk_over_tcp(HUBWARD_PYMODBUS_SERVER, kPymodbus);
}
TEST_CASE("our client and pymodbus' server understand each other on a line") {
  talk_over_a_line(HUBWARD_PYMODBUS_SERVER, kPymodbus);
}

// False, with a line that says 'skipped', where the npm registry cannot be reached.
bool has_modbus_serial() {
  const Output installed = run(HUBWARD_MODBUS_PEERS "/install");
  if (installed.status != 0)
    MESSAGE("skipped: modbus-serial cannot be installed: ", installed.text);
  return installed.status == 0;
}
const std::string kModbusSerialServer = "node " HUBWARD_MODBUS_PEERS "/modbus_serial_server.js";

TEST_CASE("our client and modbus-serial's server understand each other over TCP") {
  if (has_modbus_serial()) talk_over_tcp(kModbusSerialServer, kModbusSerial);
}
TEST_CASE("our client and modbus-serial's server understand each other on a line") {
  if (has_modbus_serial()) talk_over_a_line(kModbusSerialServer, kModbusSerial);
}

}  // namespace
}  // namespace hubward::modbus
