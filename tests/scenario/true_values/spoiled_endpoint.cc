// A Modbus TCP endpoint whose answers come late, in another order, twice or not at all.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <utility>

#include "proto/modbus/tcp.h"
#include "tests/scenario/true_values/spoiled_devices.h"

namespace hubward::modbus {
namespace {

using namespace std::chrono_literals;

constexpr double kLost = 0.002;
constexpr double kLate = 0.004;
constexpr auto kLatest = 500ms;
constexpr double kRepeated = 0.02;
constexpr double kOtherUnit = 0.001;
constexpr double kCutOff = 0.002;
constexpr auto kUsual = 2ms;  // at most, each by itself: so they overtake each other

class SpoiledEndpoint final : public SpoiledPlace {
 public:
  SpoiledEndpoint(std::uint8_t number, std::uint16_t& port, AskedLog& log, Spoils& spoils, At at)
      : number_(number),
        listener_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)),
        log_(log),
        spoils_(spoils),
        at_(std::move(at)),
        random_(number) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    auto* const plain = reinterpret_cast<sockaddr*>(&address);
    if (listener_ < 0 || ::bind(listener_, plain, size) != 0 || ::listen(listener_, 4) != 0 ||
        ::getsockname(listener_, plain, &size) != 0) {
      std::perror("listen");
      std::exit(1);
    }
    port = ntohs(address.sin_port);
  }
  ~SpoiledEndpoint() override {
    cut_off();
    ::close(listener_);
  }
  SpoiledEndpoint(const SpoiledEndpoint&) = delete;
  SpoiledEndpoint& operator=(const SpoiledEndpoint&) = delete;

  void add_files(std::vector<int>& files) const override {
    files.push_back(listener_);
    if (peer_ >= 0) files.push_back(peer_);
  }

  void on_readable(int file) override {
    if (file == listener_) return take_peer();
    std::array<std::byte, 4096> in{};
    const auto count = ::read(file, in.data(), in.size());
    if (count <= 0) return cut_off();
    reader_.push(std::span(in).first(static_cast<std::size_t>(count)));
    for (auto frame = reader_.next(); frame && *frame; frame = reader_.next()) take(**frame);
  }

 private:
  bool happens(double often) { return random_.unit() < often; }
  Clock::duration up_to(Clock::duration most) {
    return std::chrono::duration_cast<Clock::duration>(most * random_.unit());
  }

  void take_peer() {
    const int peer = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (peer < 0) return;
    cut_off();
    const int on = 1;
    ::setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    peer_ = peer;
    reader_.reset();
  }
  void cut_off() {
    if (peer_ >= 0) ::close(peer_);
    peer_ = -1;
    ++connection_;
  }

  void take(const TcpFrame& frame) {
    const auto bytes = encode_tcp(frame.transaction, frame.unit, frame.pdu);
    const std::uint32_t asked = log_.number_of(bytes);
    const auto request = parse_request(frame.pdu);
    if (!request) return;
    if (happens(kLost)) {
      ++spoils_.lost;
      return;
    }
    const auto now = Clock::now();
    auto due = now + up_to(kUsual);
    if (happens(kLate)) due += up_to(kLatest);
    if (due - now > kAnswerTimeout) ++spoils_.late;
    const auto unit = happens(kOtherUnit) ? static_cast<std::uint8_t>(frame.unit + 1) : frame.unit;
    const auto answer =
        encode_tcp(frame.transaction, unit, answer_pdu(number_, frame.unit, *request, asked));
    at_(due, [this, answer, due, of = connection_] { send(answer, due, of); });
    if (!happens(kRepeated)) return;
    ++spoils_.repeated;
    due += std::chrono::duration_cast<Clock::duration>(kAnswerTimeout * 2 * random_.unit());
    at_(due, [this, answer, due, of = connection_] { send(answer, due, of); });
  }

  void send(std::span<const std::byte> bytes, Clock::time_point due, std::uint64_t connection) {
    if (peer_ < 0 || connection != connection_) return;
    const auto transaction = static_cast<std::uint16_t>(std::to_integer<unsigned>(bytes[0]) << 8 |
                                                        std::to_integer<unsigned>(bytes[1]));
    const auto step = static_cast<std::int16_t>(transaction - last_sent_);
    if (step < 0) ++spoils_.reordered;
    last_sent_ = transaction;
    ++spoils_.answered;
    const std::size_t half = random_.next() % (bytes.size() + 1);
    for (const auto piece : {bytes.first(half), bytes.subspan(half)}) {
      if (!piece.empty()) ::send(peer_, piece.data(), piece.size(), MSG_NOSIGNAL);
    }
    if (!happens(kCutOff)) return;
    ++spoils_.cut_off;
    at_(due, [this, connection] {
      if (connection == connection_) cut_off();
    });
  }

  std::uint8_t number_;
  int listener_;
  int peer_ = -1;
  std::uint64_t connection_ = 0;
  std::uint16_t last_sent_ = 0;
  TcpFrameReader reader_;
  AskedLog& log_;
  Spoils& spoils_;
  At at_;
  hubward::test::SeededRandom random_;
};

}  // namespace

std::unique_ptr<SpoiledPlace> spoiled_endpoint(std::uint8_t number, std::uint16_t& port,
                                               AskedLog& log, Spoils& spoils, SpoiledPlace::At at) {
  return std::make_unique<SpoiledEndpoint>(number, port, log, spoils, std::move(at));
}

}  // namespace hubward::modbus
