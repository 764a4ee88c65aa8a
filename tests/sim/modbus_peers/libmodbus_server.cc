// A Modbus server of libmodbus' making: README.md says what it holds.
//   libmodbus_server tcp | rtu PATH
#include <arpa/inet.h>
#include <modbus/modbus.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string_view>

namespace {

constexpr int kUnit = 17;
constexpr int kSize = 2000;
constexpr int kExceptions = 3000;
// 1234.5 as a float32 at 1500, in the four orders of its bytes.
constexpr std::array<std::uint16_t, 8> kFloats{0x449A, 0x5000, 0x5000, 0x449A,
                                               0x9A44, 0x0050, 0x0050, 0x9A44};

modbus_mapping_t* memory() {
  modbus_mapping_t* map = modbus_mapping_new(kSize, kSize, kSize, kSize);
  for (int i = 0; i < kSize; ++i) {
    map->tab_registers[i] = map->tab_input_registers[i] = static_cast<std::uint16_t>(100 + i);
    map->tab_bits[i] = map->tab_input_bits[i] = static_cast<std::uint8_t>(i % 3 == 0);
  }
  for (std::size_t i = 0; i < kFloats.size(); ++i) map->tab_registers[1500 + i] = kFloats[i];
  return map;
}

// Until the peer is gone; an idle or noisy line goes on.
void serve(modbus_t* context, modbus_mapping_t* map, bool is_line) {
  std::array<std::uint8_t, MODBUS_MAX_ADU_LENGTH> query{};
  const auto function = static_cast<std::size_t>(modbus_get_header_length(context));
  for (;;) {
    const int length = modbus_receive(context, query.data());
    if (length < 0 && !is_line) return;
    if (length <= 0) continue;
    const int address = query[function + 1] << 8 | query[function + 2];
    if (address > kExceptions && address < kExceptions + 100 && query[function] != 43) {
      modbus_reply_exception(context, query.data(), static_cast<unsigned>(address - kExceptions));
    } else {
      modbus_reply(context, query.data(), length, map);
    }
  }
}

int serve_tcp() {
  modbus_t* context = modbus_new_tcp("127.0.0.1", 0);
  int listener = modbus_tcp_listen(context, 4);
  sockaddr_in where{};
  socklen_t size = sizeof where;
  if (listener < 0 || ::getsockname(listener, reinterpret_cast<sockaddr*>(&where), &size) != 0) {
    return 1;
  }
  std::printf("ready %d\n", ntohs(where.sin_port));
  std::fflush(stdout);
  modbus_mapping_t* map = memory();
  while (modbus_tcp_accept(context, &listener) >= 0) {
    serve(context, map, false);
    modbus_close(context);
  }
  return 1;
}

int serve_rtu(const char* path) {
  modbus_t* context = modbus_new_rtu(path, 115200, 'N', 8, 1);
  modbus_set_slave(context, kUnit);
  if (modbus_connect(context) != 0) return 1;
  std::puts("ready");
  std::fflush(stdout);
  serve(context, memory(), true);
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  ::signal(SIGPIPE, SIG_IGN);
  if (argc == 2 && std::string_view(argv[1]) == "tcp") return serve_tcp();
  if (argc == 3 && std::string_view(argv[1]) == "rtu") return serve_rtu(argv[2]);
  std::fputs("usage: libmodbus_server tcp | rtu PATH\n", stderr);
  return 2;
}
