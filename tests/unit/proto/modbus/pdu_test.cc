#include "proto/modbus/pdu.h"

#include <doctest/doctest.h>

#include "tests/support/hex.h"

namespace hubward::modbus {
namespace {

using test::bytes;
using test::hex;

std::vector<std::uint16_t> bits(std::initializer_list<int> packed, std::size_t count) {
  std::vector<std::uint16_t> out;
  for (const int byte : packed) {
    for (int i = 0; i < 8 && out.size() < count; ++i) {
      out.push_back(static_cast<std::uint16_t>(byte >> i & 1));
    }
  }
  return out;
}

// The worked examples of MODBUS Application Protocol V1.1b3, sections 6.1 to 6.12 and 7.
struct Row {
  const char* why;
  Request request;
  std::string_view request_hex;
  Answer answer;
  std::string_view answer_hex;
};

std::vector<Row> examples() {
  return {
      {"6.1 discrete outputs 20-38", ReadRequest{Table::Coil, 19, 19}, "01 00 13 00 13",
       ReadAnswer{bits({0xCD, 0x6B, 0x05}, 19)}, "01 03 CD 6B 05"},
      {"6.2 discrete inputs 197-218", ReadRequest{Table::DiscreteInput, 196, 22}, "02 00 C4 00 16",
       ReadAnswer{bits({0xAC, 0xDB, 0x35}, 22)}, "02 03 AC DB 35"},
      {"6.3 registers 108-110", ReadRequest{Table::HoldingRegister, 107, 3}, "03 00 6B 00 03",
       ReadAnswer{{555, 0, 100}}, "03 06 02 2B 00 00 00 64"},
      {"6.4 input register 9", ReadRequest{Table::InputRegister, 8, 1}, "04 00 08 00 01",
       ReadAnswer{{10}}, "04 02 00 0A"},
      {"6.5 coil 173 on", WriteCoil{172, true}, "05 00 AC FF 00", WriteAnswer{}, "05 00 AC FF 00"},
      {"6.5 coil off", WriteCoil{172, false}, "05 00 AC 00 00", WriteAnswer{}, "05 00 AC 00 00"},
      {"6.6 register 2 := 3", WriteRegister{1, 3}, "06 00 01 00 03", WriteAnswer{},
       "06 00 01 00 03"},
      {"6.11 ten coils from 20",
       WriteCoils{19, {true, false, true, true, false, false, true, true, true, false}},
       "0F 00 13 00 0A 02 CD 01", WriteAnswer{}, "0F 00 13 00 0A"},
      {"6.12 two registers from 2", WriteRegisters{1, {0x000A, 0x0102}},
       "10 00 01 00 02 04 00 0A 01 02", WriteAnswer{}, "10 00 01 00 02"},
      {"6.16 mask of register 5", MaskWrite{4, 0x00F2, 0x0025}, "16 00 04 00 F2 00 25",
       WriteAnswer{}, "16 00 04 00 F2 00 25"},
      {"6.17 six registers from 4, three into 15 and on",
       ReadWriteRegisters{3, 6, 14, {0x00FF, 0x00FF, 0x00FF}},
       "17 00 03 00 06 00 0E 00 03 06 00 FF 00 FF 00 FF",
       ReadAnswer{{0x00FE, 0x0ACD, 0x0001, 0x0003, 0x000D, 0x00FF}},
       "17 0C 00 FE 0A CD 00 01 00 03 00 0D 00 FF"},
      {"6.21 basic identification", ReadIdentification{1, 0}, "2B 0E 01 00",
       Identification{1, 1, false, 0, {{0, "Acme"}, {1, "PC"}, {2, "V2.1"}}},
       "2B 0E 01 01 00 00 03 00 04 41 63 6D 65 01 02 50 43 02 04 56 32 2E 31"},
      {"6.21 more follows", ReadIdentification{2, 3}, "2B 0E 02 03",
       Identification{2, 0x82, true, 5, {{3, ""}}}, "2B 0E 02 82 FF 05 01 03 00"},
      {"7 illegal data address", ReadRequest{Table::Coil, 0x04A1, 1}, "01 04 A1 00 01",
       ExceptionAnswer{ExceptionCode::IllegalDataAddress}, "81 02"},
  };
}

TEST_CASE("the specification's examples are encoded and parsed in both directions") {
  for (const Row& row : examples()) {
    CAPTURE(row.why);
    CHECK(hex(encode_request(row.request).value()) == row.request_hex);
    CHECK(parse_request(bytes(row.request_hex)).value() == row.request);
    CHECK(hex(encode_answer(row.request, row.answer)) == row.answer_hex);
    CHECK(parse_answer(row.request, bytes(row.answer_hex)).value() == row.answer);
    if (!std::holds_alternative<ExceptionAnswer>(row.answer) &&
        !std::holds_alternative<Identification>(row.answer)) {
      CHECK(answer_bytes(row.request) == bytes(row.answer_hex).size());
    }
  }
}

TEST_CASE("an answer to one example is no answer to any other") {
  const auto rows = examples();
  for (const Row& asked : rows) {
    for (const Row& answered : rows) {
      if (&asked == &answered) continue;
      CAPTURE(asked.why);
      CAPTURE(answered.why);
      if (function_of(asked.request) == function_of(answered.request) &&
          std::holds_alternative<ExceptionAnswer>(answered.answer)) {
        continue;
      }
      CHECK_FALSE(parse_answer(asked.request, bytes(answered.answer_hex)));
    }
  }
}

TEST_CASE("an answer that does not fit the request is an error, never a value") {
  const Request three = ReadRequest{Table::HoldingRegister, 107, 3};
  const Request coil = WriteCoil{172, true};
  struct Bad {
    const char* why;
    Request request;
    std::string_view answer;
    ErrorCode code;
  };
  const Bad rows[] = {
      {"nothing", three, "", ErrorCode::BadFrame},
      {"no byte count", three, "03", ErrorCode::BadFrame},
      {"byte count over what follows", three, "03 06 02 2B 00 00", ErrorCode::BadFrame},
      {"more than the byte count", three, "03 06 02 2B 00 00 00 64 00", ErrorCode::BadFrame},
      {"two registers instead of three", three, "03 04 02 2B 00 00", ErrorCode::UnexpectedAnswer},
      {"odd byte count", three, "03 05 02 2B 00 00 00", ErrorCode::UnexpectedAnswer},
      {"another function", three, "04 06 02 2B 00 00 00 64", ErrorCode::UnexpectedAnswer},
      {"exception to another function", three, "84 02", ErrorCode::UnexpectedAnswer},
      {"exception without a code", three, "83", ErrorCode::BadFrame},
      {"exception too long", three, "83 02 00", ErrorCode::BadFrame},
      {"another coil", coil, "05 00 AD FF 00", ErrorCode::UnexpectedAnswer},
      {"coil off instead of on", coil, "05 00 AC 00 00", ErrorCode::UnexpectedAnswer},
      {"cut short", coil, "05 00 AC FF", ErrorCode::BadFrame},
      {"another or mask", MaskWrite{4, 0xF2, 0x25}, "16 00 04 00 F2 00 24",
       ErrorCode::UnexpectedAnswer},
      {"identification cut in its head", ReadIdentification{1, 0}, "2B 0E 01 01 00 00",
       ErrorCode::BadFrame},
      {"an object longer than what came", ReadIdentification{1, 0}, "2B 0E 01 01 00 00 01 00 05 41",
       ErrorCode::BadFrame},
      {"bytes after the last object", ReadIdentification{1, 0}, "2B 0E 01 01 00 00 01 00 01 41 42",
       ErrorCode::BadFrame},
      {"another level", ReadIdentification{1, 0}, "2B 0E 02 01 00 00 00",
       ErrorCode::UnexpectedAnswer},
      {"another encapsulated interface", ReadIdentification{1, 0}, "2B 0D 01 01 00 00 00",
       ErrorCode::UnexpectedAnswer},
  };
  for (const Bad& row : rows) {
    CAPTURE(row.why);
    const auto answer = parse_answer(row.request, bytes(row.answer));
    REQUIRE_FALSE(answer);
    CHECK(answer.error().code == row.code);
  }
}

TEST_CASE("an answer cut at any byte is an error") {
  for (const Row& row : examples()) {
    const auto whole = bytes(row.answer_hex);
    for (std::size_t n = 0; n < whole.size(); ++n) {
      CHECK_FALSE(parse_answer(row.request, std::span(whole).first(n)));
    }
  }
}

TEST_CASE("requests beyond the limits of one PDU or of the address space are not encoded") {
  struct Limit {
    const char* why;
    Request request;
    bool ok;
  };
  const Limit rows[] = {
      {"125 registers", ReadRequest{Table::InputRegister, 0, 125}, true},
      {"126 registers", ReadRequest{Table::InputRegister, 0, 126}, false},
      {"no register", ReadRequest{Table::InputRegister, 0, 0}, false},
      {"2000 coils", ReadRequest{Table::Coil, 0, 2000}, true},
      {"2001 coils", ReadRequest{Table::Coil, 0, 2001}, false},
      {"the last register", ReadRequest{Table::HoldingRegister, 65535, 1}, true},
      {"past the last register", ReadRequest{Table::HoldingRegister, 65535, 2}, false},
      {"123 registers written", WriteRegisters{0, std::vector<std::uint16_t>(123)}, true},
      {"124 registers written", WriteRegisters{0, std::vector<std::uint16_t>(124)}, false},
      {"1968 coils written", WriteCoils{0, std::vector<bool>(1968)}, true},
      {"1969 coils written", WriteCoils{0, std::vector<bool>(1969)}, false},
      {"nothing written", WriteCoils{0, {}}, false},
  };
  for (const Limit& row : rows) {
    CAPTURE(row.why);
    const auto pdu = encode_request(row.request);
    CHECK(pdu.has_value() == row.ok);
    if (pdu) {
      CHECK(pdu->size() <= kPduBytesMax);
      CHECK(parse_request(*pdu).value() == row.request);
    } else {
      CHECK(pdu.error().code == ErrorCode::LimitExceeded);
    }
  }
}

TEST_CASE("a server tells malformed requests from requests over a limit") {
  struct Bad {
    const char* why;
    std::string_view pdu;
    ErrorCode code;
  };
  const Bad rows[] = {
      {"nothing", "", ErrorCode::Malformed},
      {"function of another kind", "2B 0E 01 00 00", ErrorCode::Malformed},
      {"cut short", "03 00 6B 00", ErrorCode::Malformed},
      {"126 registers", "03 00 00 00 7E", ErrorCode::LimitExceeded},
      {"a coil half on", "05 00 AC 12 34", ErrorCode::LimitExceeded},
      {"byte count and count disagree", "10 00 01 00 03 04 00 0A 01 02", ErrorCode::Malformed},
      {"byte count and length disagree", "10 00 01 00 02 04 00 0A 01", ErrorCode::Malformed},
      {"coils: byte count and count disagree", "0F 00 13 00 11 02 CD 01", ErrorCode::Malformed},
  };
  for (const Bad& row : rows) {
    CAPTURE(row.why);
    const auto request = parse_request(bytes(row.pdu));
    REQUIRE_FALSE(request);
    CHECK(request.error().code == row.code);
  }
}

TEST_CASE("answers look alike when nothing in them tells which request they belong to") {
  const Request read = ReadRequest{Table::HoldingRegister, 0, 10};
  CHECK(answers_look_alike(read, ReadRequest{Table::HoldingRegister, 500, 10}));
  CHECK_FALSE(answers_look_alike(read, ReadRequest{Table::HoldingRegister, 0, 11}));
  CHECK_FALSE(answers_look_alike(read, ReadRequest{Table::InputRegister, 0, 10}));
  CHECK(answers_look_alike(ReadRequest{Table::Coil, 0, 9}, ReadRequest{Table::Coil, 0, 16}));
  CHECK_FALSE(answers_look_alike(ReadRequest{Table::Coil, 0, 8}, ReadRequest{Table::Coil, 0, 9}));
  CHECK(answers_look_alike(WriteRegisters{4, {1, 2}}, WriteRegisters{4, {3, 4}}));
  CHECK_FALSE(answers_look_alike(WriteRegister{4, 1}, WriteRegister{4, 2}));
}

TEST_CASE("exceptions are named, also those the standard does not know") {
  CHECK(describe(ExceptionCode::IllegalDataAddress) == "exception 2, illegal data address");
  CHECK(describe(ExceptionCode::GatewayTargetFailedToRespond) ==
        "exception 11, gateway target device failed to respond");
  CHECK(describe(static_cast<ExceptionCode>(200)) == "exception 200, not in the standard");
}

}  // namespace
}  // namespace hubward::modbus
