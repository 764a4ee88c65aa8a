// The TLS side of the hub and DPS links: one SSL_CTX for all of them.
#pragma once

#include <memory>
#include <string>

#include "proto/result.h"

struct ssl_ctx_st;

namespace hubward::platform {

// A shared context, TLS 1.2 or newer, that trusts what a file of PEM certificates says and nothing
// else. Use on one thread at a time; immutable once made.
class TlsRoots {
 public:
  // Error ConfigInvalid: the file is missing, empty or not PEM.
  [[nodiscard]] static Result<TlsRoots> load(const std::string& roots_file);

  [[nodiscard]] ssl_ctx_st* context() const { return context_.get(); }

 private:
  explicit TlsRoots(ssl_ctx_st* context);
  std::shared_ptr<ssl_ctx_st> context_;  // shared with copies of this object
};

// While it lives, every handshake that begins on this thread is for `host`: SNI names it and the
// server's certificate must be made out to it (to the address, if it is one). A handshake that
// begins without one fails.
//
// Why so: libmosquitto 2.0.11 resolves, names in SNI and (with its own context only) verifies one
// and the same string. We resolve names ourselves, because its lookup would block the loop, and
// hand it an address. With a context of ours it verifies no name at all.
class HandshakeHost {
 public:
  explicit HandshakeHost(const std::string& host);
  ~HandshakeHost();
  HandshakeHost(const HandshakeHost&) = delete;
  HandshakeHost& operator=(const HandshakeHost&) = delete;

  // Why a certificate was refused during its life, in words with subject and issuer; empty: none
  // was.
  [[nodiscard]] std::string distrust() const;
  // It was refused because by this computer's clock it is not valid yet, or no longer.
  [[nodiscard]] bool is_out_of_date() const;
};

}  // namespace hubward::platform
