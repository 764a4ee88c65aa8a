// A throw-away certificate authority and one server certificate under it, made at each start.
#pragma once

#include <openssl/ssl.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "proto/result.h"

namespace hubward::simcloud {

struct SslContextFree {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
using SslContext = std::unique_ptr<SSL_CTX, SslContextFree>;

// Writes `ca.pem` (what clients trust) and the mode 0600 files `server.pem` and `server.key` into
// `folder`. `addresses` become IP names of the certificate, `names` DNS names.
[[nodiscard]] Result<SslContext> make_server_context(const std::filesystem::path& folder,
                                                     const std::vector<std::string>& addresses,
                                                     const std::vector<std::string>& names);

}  // namespace hubward::simcloud
