// A TLS handshake for its own sake: what the server shows, trusted or not.
#pragma once

#include <atomic>
#include <chrono>
#include <memory>
#include <string>

#include "gateway/api/path_probe.h"

struct ssl_ctx_st;

namespace hubward::platform {

// Immutable once made; any number of threads may look at the same time.
class TlsLook {
 public:
  // Error ConfigInvalid: no certificates in the file.
  [[nodiscard]] static Result<TlsLook> with_roots(const std::string& roots_file);

  // Shakes hands over the connected, non-blocking socket and closes nothing. Fills in `tls`,
  // version, certificate and faults. Ends by `until`, or soon after `stop` is set.
  void at(int socket, std::chrono::steady_clock::time_point until, const std::atomic<bool>& stop,
          PathFindings& findings) const;

 private:
  explicit TlsLook(ssl_ctx_st* context);
  std::shared_ptr<ssl_ctx_st> context_;  // shared with copies of this object
};

// Waits until the socket is ready. False: it is not by `until`, or `stop` was set.
[[nodiscard]] bool wait_ready(int socket, bool for_writing,
                              std::chrono::steady_clock::time_point until,
                              const std::atomic<bool>& stop);

}  // namespace hubward::platform
