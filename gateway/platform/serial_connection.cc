#include <fcntl.h>
#include <linux/serial.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "gateway/platform/asio_loop.h"
#include "gateway/platform/stream_connection.h"

namespace hubward::platform {
namespace {

struct Speed {
  std::uint32_t baud;
  speed_t code;
};
constexpr std::array kSpeeds = {
    Speed{300, B300},         Speed{600, B600},         Speed{1200, B1200},
    Speed{1800, B1800},       Speed{2400, B2400},       Speed{4800, B4800},
    Speed{9600, B9600},       Speed{19200, B19200},     Speed{38400, B38400},
    Speed{57600, B57600},     Speed{115200, B115200},   Speed{230400, B230400},
    Speed{460800, B460800},   Speed{500000, B500000},   Speed{576000, B576000},
    Speed{921600, B921600},   Speed{1000000, B1000000}, Speed{1152000, B1152000},
    Speed{1500000, B1500000}, Speed{2000000, B2000000},
};

std::string trouble() { return std::strerror(errno); }  // NOLINT: glibc's is safe

std::string open_trouble() {
  switch (errno) {
    case ENOENT:
      return "there is no such port (is the adapter plugged in?)";
    case EACCES:
      return "not permitted (the service's user must be in the group that owns it, often dialout)";
    case EBUSY:
      return "in use by another program";
    default:
      return trouble();
  }
}

// Linux gives pseudo-terminals these device numbers; they keep eight bits and no parity whatever
// they are told.
bool is_pseudo_terminal(int descriptor) {
  constexpr unsigned kFirst = 136;
  constexpr unsigned kLast = 143;
  struct stat about {};
  return fstat(descriptor, &about) == 0 && major(about.st_rdev) >= kFirst &&
         major(about.st_rdev) <= kLast;
}

tcflag_t frame_flags(const SerialSettings& settings) {
  constexpr std::array<tcflag_t, 4> kSizes = {CS5, CS6, CS7, CS8};
  tcflag_t flags = kSizes.at(settings.data_bits - 5U);
  if (settings.parity != Parity::None) flags |= PARENB;
  if (settings.parity == Parity::Odd) flags |= PARODD;
  if (settings.stop_bits == 2) flags |= CSTOPB;
  return flags;
}

Result<speed_t> checked_speed(const SerialSettings& settings) {
  const auto refuse = [](std::string why) {
    return failure(ErrorCode::PortUnavailable, ErrorKind::Permanent, std::move(why));
  };
  if (settings.data_bits < 5 || settings.data_bits > 8) {
    return refuse(std::to_string(settings.data_bits) + " data bits are not possible");
  }
  if (settings.stop_bits < 1 || settings.stop_bits > 2) {
    return refuse(std::to_string(settings.stop_bits) + " stop bits are not possible");
  }
  for (const Speed& speed : kSpeeds) {
    if (speed.baud == settings.baud) return speed.code;
  }
  return refuse(std::to_string(settings.baud) + " baud is not a speed that can be set");
}

// Empty, or what the port refused.
std::string configure(int descriptor, const SerialSettings& settings, speed_t speed) {
  if (flock(descriptor, LOCK_EX | LOCK_NB) != 0 || ioctl(descriptor, TIOCEXCL) != 0) {
    return errno == EWOULDBLOCK ? "in use by another program" : trouble();
  }
  termios mode{};
  if (tcgetattr(descriptor, &mode) != 0) return "not a serial port";
  cfmakeraw(&mode);
  constexpr tcflag_t kFrame = CSIZE | PARENB | PARODD | CSTOPB;
  mode.c_cflag &= ~(kFrame | CRTSCTS);
  mode.c_cflag |= CLOCAL | CREAD | frame_flags(settings);
  if (settings.parity != Parity::None) mode.c_iflag |= INPCK;
  mode.c_cc[VMIN] = 1;
  mode.c_cc[VTIME] = 0;
  cfsetispeed(&mode, speed);
  cfsetospeed(&mode, speed);
  if (tcsetattr(descriptor, TCSANOW, &mode) != 0) return trouble();
  // It succeeds when any part of the wish was granted.
  termios got{};
  if (!is_pseudo_terminal(descriptor) &&
      (tcgetattr(descriptor, &got) != 0 || cfgetospeed(&got) != speed ||
       (got.c_cflag & kFrame) != frame_flags(settings))) {
    return "the port does not do this speed, parity or frame";
  }
  if (settings.rs485) {
    serial_rs485 direction{};
    direction.flags = SER_RS485_ENABLED | SER_RS485_RTS_ON_SEND;
    if (ioctl(descriptor, TIOCSRS485, &direction) != 0) {
      return "the driver cannot switch the direction of RS-485 (leave rs485 off if the adapter "
             "does it by itself)";
    }
  }
  tcflush(descriptor, TCIOFLUSH);
  return {};
}

class SerialConnection final : public StreamConnection {
 public:
  SerialConnection(SerialSettings settings, ByteStreamEvents& events, AsioLoop& on)
      : StreamConnection(events, on), settings_(std::move(settings)) {}

  void start(std::chrono::milliseconds) override {
    loop().post([weak = weak_from_this()] {
      const auto self = std::static_pointer_cast<SerialConnection>(weak.lock());
      if (self && !self->is_dropped()) self->open_port();
    });
  }

  void discard_input() noexcept override {
    if (descriptor() >= 0) tcflush(descriptor(), TCIFLUSH);
  }

 private:
  void open_port() {
    const auto speed = checked_speed(settings_);
    if (!speed) return fail(ErrorCode::PortUnavailable, speed.error().context);
    // Non-blocking, so that it does not wait for a carrier either.
    const int port = open(settings_.path.c_str(), O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
    if (port < 0) return fail(ErrorCode::PortUnavailable, open_trouble());
    if (!isatty(port)) {
      close(port);
      return fail(ErrorCode::PortUnavailable, "not a serial port");
    }
    if (const std::string refused = configure(port, settings_, *speed); !refused.empty()) {
      close(port);
      return fail(ErrorCode::PortUnavailable, refused);
    }
    if (!watch(port, false)) return fail(ErrorCode::PortUnavailable, trouble());
    opened();
  }

  void before_close(int port) noexcept override {
    // Otherwise close() may wait up to 30 s for the line to take what is left, and a
    // pseudo-terminal that others still hold would stay locked.
    tcflush(port, TCOFLUSH);
    ioctl(port, TIOCNXCL);
  }

  const SerialSettings settings_;
};

}  // namespace

std::shared_ptr<StreamConnection> make_serial_connection(SerialSettings settings,
                                                         ByteStreamEvents& events, AsioLoop& loop) {
  return std::make_shared<SerialConnection>(std::move(settings), events, loop);
}

}  // namespace hubward::platform
