#include "tests/sim/plant/pty.h"

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

namespace hubward::plant {

Pty::Pty(std::filesystem::path link) : link_(std::move(link)) { plug_in(); }

Pty::~Pty() { unplug(); }

bool Pty::plug_in() {
  if (is_open()) return true;
  termios raw{};
  ::cfmakeraw(&raw);
  raw.c_cflag |= CREAD | CLOCAL;
  ::cfsetspeed(&raw, B9600);
  std::array<char, 128> name{};
  int slave = -1;
  if (::openpty(&master_, &slave, name.data(), &raw, nullptr) != 0) {
    master_ = -1;
    return false;
  }
  ::fcntl(master_, F_SETFD, FD_CLOEXEC);
  ::fcntl(master_, F_SETFL, O_NONBLOCK);
  // Closed once, so that the master reports a hang-up for as long as nobody has the other end open.
  ::close(slave);
  closes_ = ::inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
  ::inotify_add_watch(closes_, name.data(), IN_CLOSE);
  std::error_code error;
  std::filesystem::remove(link_, error);
  std::filesystem::create_symlink(name.data(), link_, error);
  if (error) unplug();
  return is_open();
}

void Pty::unplug() {
  if (!is_open()) return;
  std::error_code ignored;
  std::filesystem::remove(link_, ignored);
  ::close(closes_);
  ::close(master_);
  closes_ = master_ = -1;
}

bool Pty::has_reader() const {
  if (!is_open()) return false;
  pollfd state{master_, POLLIN, 0};
  ::poll(&state, 1, 0);
  return (state.revents & POLLHUP) == 0;
}

bool Pty::reader_left() {
  alignas(inotify_event) std::array<char, 1024> events{};
  bool left = false;
  while (is_open() && ::read(closes_, events.data(), events.size()) > 0) left = true;
  return left;
}

void Pty::forget_reader() {
  if (!is_open()) return;
  discard_input();
  const int slave = ::open(link_.c_str(), O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC);
  if (slave >= 0) {
    ::ioctl(slave, TIOCNXCL);
    ::close(slave);
    static_cast<void>(reader_left());  // that was us
  } else if (errno == EBUSY) {  // only root may open it to take the mark away: a new one, then
    unplug();
    plug_in();
  }
}

void Pty::discard_input() {
  std::array<char, 512> bytes{};
  while (is_open() && ::read(master_, bytes.data(), bytes.size()) > 0) {
  }
}

}  // namespace hubward::plant
