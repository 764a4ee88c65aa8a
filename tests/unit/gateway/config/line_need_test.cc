#include "gateway/config/line_need.h"

#include <doctest/doctest.h>

using namespace hubward;
using namespace hubward::config;
using namespace std::chrono_literals;

namespace {

serial::LineSettings line_with(std::vector<serial::DeviceSettings> devices) {
  SerialSettings port{.path = "/dev/ttyS0", .baud = 1000, .data_bits = 8};  // 10 bits: 10 ms a byte
  return {port, std::move(devices)};
}

serial::DeviceSettings scale() {
  serial::DeviceSettings device;
  device.pattern = "W(?<w>[0-9]{3,7})";
  device.requests = {{"S\\r", 1000ms}};
  device.tags = {{.tag = TagIndex{0}, .where = serial::PatternGroup{"w"}}};
  return device;
}

}  // namespace

TEST_CASE("requests, the shortest answers and a pause before each are what a line needs") {
  // S CR; W, three digits, CR LF; 5 ms.
  CHECK(*least_polling_share(line_with({scale()})) == doctest::Approx(0.085));
  auto two = scale();
  two.requests.push_back({"T\\r", 500ms});
  two.tags[0].request = 1;  // so that of the first answer nothing is known but its end
  CHECK(*least_polling_share(line_with({scale(), two})) ==
        doctest::Approx(0.085 + 0.055 + 2 * 0.085));
}

TEST_CASE("what a tag's place says of the answer is counted") {
  struct Row {
    const char* why;
    decltype(serial::TagSettings::where) where;
    double bytes;  // of the content
  };
  const Row rows[] = {
      {"columns", serial::CsvColumn{4}, 4},
      {"characters", serial::FixedColumns{3, 5}, 7},
      {"bytes", serial::BinaryField{.offset = 6, .type = serial::BinaryType::Uint32}, 10},
      {"JSON", serial::JsonMember{"/w"}, 2},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    auto device = scale();
    device.tags[0].where = row.where;
    CHECK(*least_polling_share(line_with({device})) ==
          doctest::Approx((4 + row.bytes) * 0.010 + 0.005));
  }
}

TEST_CASE("a check is sent, a silence is waited for, and parity takes a bit") {
  auto device = scale();
  device.requests[0].send = "S{check}";
  device.frames.framing = serial::Gap{20ms};
  device.frames.check = serial::CheckSettings{.kind = serial::CheckKind::Crc16Modbus};
  // Three bytes there, four and a check back.
  CHECK(*least_polling_share(line_with({device})) == doctest::Approx(0.09 + 0.025));
  auto line = line_with({scale()});
  std::get<SerialSettings>(line.attachment).parity = Parity::Even;
  CHECK(*least_polling_share(line) == doctest::Approx(0.093));
}

TEST_CASE("a line behind a converter is weighed where its speed was said") {
  auto line = line_with({scale()});
  line.attachment = TcpEndpoint{"converter", 4001};
  line.baud_behind = 1000;
  CHECK(*least_polling_share(line) == doctest::Approx(0.085));
}

TEST_CASE("of a network, and of devices that speak by themselves, nothing is said") {
  auto line = line_with({scale()});
  line.attachment = TcpEndpoint{"scale", 4001};
  CHECK_FALSE(least_polling_share(line));
  auto speaks = scale();
  speaks.requests.clear();
  CHECK_FALSE(least_polling_share(line_with({speaks})));
}
