// What is found on the way to one host of the cloud, step by step: name, TCP, TLS. Nothing is said
// over the connection, so that nobody is logged in and nobody is pushed out.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "proto/result.h"
#include "proto/time.h"

namespace hubward {

// As the server showed it; names are in the one-line form of X.509: "O = Acme, CN = Acme Root".
struct CertificateFacts {
  std::string subject;
  std::string issuer;
  WallTime not_before;
  WallTime not_after;
};

// What is wrong with the server's certificates, each kind once.
enum class CertificateFault : std::uint8_t {
  UnknownIssuer,  // not signed by a root we trust
  SelfSigned,     // by itself, or by a root that came with it
  NotYetValid,
  Expired,
  OtherName,  // made out to another host
  Other,
};

struct PathStep {
  std::chrono::milliseconds took{0};
  std::optional<Error>
      trouble;  // absent: passed. NameUnknown, Unreachable, TlsFailed, TlsUntrusted
};

struct PathFindings {
  std::string host;
  std::uint16_t port = 0;
  WallTime at;                  // when it was looked at, by this computer's clock
  PathStep name;                // always tried
  std::optional<PathStep> tcp;  // absent: not reached
  std::optional<PathStep> tls;
  std::vector<std::string> addresses;           // of the name
  std::string address;                          // the one that was connected to, or tried last
  std::string tls_version;                      // "TLSv1.3"
  std::optional<CertificateFacts> certificate;  // the server's own
  std::vector<CertificateFault> faults;         // of it or of one that signed it
  std::optional<CertificateFacts> faulty;       // the certificate of the first fault
  [[nodiscard]] bool passed() const { return tls && !tls->trouble; }
};

class PathProbe {
 public:
  virtual ~PathProbe() = default;
  // `done` runs once on the probe's loop, never inside this call, within a bounded time.
  virtual void probe(const std::string& host, std::uint16_t port,
                     std::function<void(PathFindings)> done) = 0;
};

}  // namespace hubward
