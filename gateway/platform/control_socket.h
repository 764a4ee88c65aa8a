// The door through which `hubward status` and other commands reach the running gateway.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include "proto/result.h"

namespace hubward::platform {

class AsioLoop;

// A Unix socket, mode 0600, for this user and root. A client sends one line and gets one line; then
// the connection closes. On the loop.
class ControlSocket {
 public:
  static constexpr std::size_t kRequestBytesMax = 64 * 1024;
  static constexpr std::size_t kClientsMax = 16;
  static constexpr std::chrono::seconds kRequestTimeMax{5};
  // A command to a device that answers slowly, or a rehearsed failover.
  static constexpr std::chrono::seconds kAnswerTimeMax{120};

  // Call once, on the loop, with one line (a line feed is added). Later calls do nothing.
  using Answer = std::function<void(std::string line)>;
  using Handler = std::function<void(std::string line, Answer answer)>;

  // What a former run left at `path` is removed: call with the state folder locked. Error
  // StoreFailed.
  [[nodiscard]] static Result<std::unique_ptr<ControlSocket>> listen(const std::string& path,
                                                                     AsioLoop& loop,
                                                                     Handler handler);
  ~ControlSocket();  // drops the clients, removes the file; answers that come later go nowhere

  struct Shared;

 private:
  explicit ControlSocket(std::shared_ptr<Shared> shared);
  std::shared_ptr<Shared> shared_;  // with the answers that are out
};

// The client's side, waiting: sends `line` and returns the answer's line. Errors: Unreachable (no
// gateway runs there), PortUnavailable (nothing was asked, and one may run), NoAnswer,
// LimitExceeded.
[[nodiscard]] Result<std::string> ask_control_socket(const std::string& path,
                                                     const std::string& line,
                                                     std::chrono::milliseconds timeout);

}  // namespace hubward::platform
