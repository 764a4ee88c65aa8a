// A pseudo-terminal under a stable name: what a USB serial adapter is to the gateway.
#pragma once

#include <filesystem>
#include <span>

namespace hubward::plant {

class Pty {
 public:
  // Opens a pair in raw mode and points the symlink at the end that the gateway opens.
  explicit Pty(std::filesystem::path link);
  ~Pty();
  Pty(const Pty&) = delete;
  Pty& operator=(const Pty&) = delete;

  [[nodiscard]] bool is_open() const { return master_ >= 0; }
  [[nodiscard]] int wire() const { return master_; }
  [[nodiscard]] const std::filesystem::path& link() const { return link_; }
  // Somebody has the other end open.
  [[nodiscard]] bool has_reader() const;
  // Somebody closed the other end since this was last asked. A reader that is killed and started
  // again opens it between two looks of has_reader(); the kernel's own list of closes misses none.
  [[nodiscard]] bool reader_left();
  // The adapter is pulled out: readers see a hang-up and the name is gone.
  void unplug();
  // Plugged in again; the terminal behind the name is a new one.
  bool plug_in();
  // To be called when the reader has gone. One that was killed leaves the terminal marked exclusive
  // (TIOCEXCL), which a real serial port forgets at the last close and a pseudo-terminal does not.
  void forget_reader();
  // Throws away what the other end wrote and nobody took.
  void discard_input();

 private:
  std::filesystem::path link_;
  int master_ = -1;
  int closes_ = -1;  // inotify on the other end
};

}  // namespace hubward::plant
