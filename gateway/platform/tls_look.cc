#include "gateway/platform/tls_look.h"

#include <arpa/inet.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <poll.h>

#include <algorithm>
#include <array>
#include <ctime>

namespace hubward::platform {
namespace {

using SteadyPoint = std::chrono::steady_clock::time_point;

// How soon a stop is noticed.
constexpr std::chrono::milliseconds kSlice{100};
// Certificates come from whoever answers: a name is a few words.
constexpr std::size_t kNameBytesMax = 300;

bool is_address(const std::string& host) {
  in6_addr ignored{};
  return inet_pton(AF_INET, host.c_str(), &ignored) == 1 ||
         inet_pton(AF_INET6, host.c_str(), &ignored) == 1;
}

std::string name_of(const X509_NAME* name) {
  const std::unique_ptr<BIO, int (*)(BIO*)> text(BIO_new(BIO_s_mem()), BIO_free);
  if (!text) return {};
  X509_NAME_print_ex(text.get(), name, 0, XN_FLAG_ONELINE & ~ASN1_STRFLGS_ESC_MSB);
  const char* begin = nullptr;
  const long size = BIO_get_mem_data(text.get(), &begin);
  if (begin == nullptr || size <= 0) return {};
  return {begin, std::min<std::size_t>(static_cast<std::size_t>(size), kNameBytesMax)};
}

WallTime time_of(const ASN1_TIME* time) {
  std::tm parts{};
  if (ASN1_TIME_to_tm(time, &parts) != 1) return WallTime{};
  return WallTime{std::chrono::seconds{timegm(&parts)}};
}

CertificateFacts facts_of(const X509* certificate) {
  return {name_of(X509_get_subject_name(certificate)), name_of(X509_get_issuer_name(certificate)),
          time_of(X509_get0_notBefore(certificate)), time_of(X509_get0_notAfter(certificate))};
}

CertificateFault fault_of(int error) {
  switch (error) {
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
    case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
    case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
    case X509_V_ERR_CERT_UNTRUSTED:
      return CertificateFault::UnknownIssuer;
    case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
    case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
      return CertificateFault::SelfSigned;
    case X509_V_ERR_CERT_NOT_YET_VALID:
    case X509_V_ERR_ERROR_IN_CERT_NOT_BEFORE_FIELD:
      return CertificateFault::NotYetValid;
    case X509_V_ERR_CERT_HAS_EXPIRED:
    case X509_V_ERR_ERROR_IN_CERT_NOT_AFTER_FIELD:
      return CertificateFault::Expired;
    case X509_V_ERR_HOSTNAME_MISMATCH:
    case X509_V_ERR_IP_ADDRESS_MISMATCH:
      return CertificateFault::OtherName;
    default:
      return CertificateFault::Other;
  }
}

// Notes what is wrong and lets the handshake go on: all faults are wanted, and nothing is sent.
int note_fault(int trusted, X509_STORE_CTX* chain) {
  if (trusted == 1) return 1;
  const auto* const ssl =
      static_cast<SSL*>(X509_STORE_CTX_get_ex_data(chain, SSL_get_ex_data_X509_STORE_CTX_idx()));
  auto& findings = *static_cast<PathFindings*>(SSL_get_app_data(ssl));
  const int error = X509_STORE_CTX_get_error(chain);
  if (!findings.tls->trouble) {
    findings.tls->trouble =
        Error{ErrorCode::TlsUntrusted, ErrorKind::Permanent, X509_verify_cert_error_string(error)};
  }
  const CertificateFault fault = fault_of(error);
  if (std::find(findings.faults.begin(), findings.faults.end(), fault) == findings.faults.end()) {
    findings.faults.push_back(fault);
  }
  const X509* const certificate = X509_STORE_CTX_get_current_cert(chain);
  if (!findings.faulty && certificate != nullptr) findings.faulty = facts_of(certificate);
  return 1;
}

std::string handshake_trouble(int error, SteadyPoint until) {
  const unsigned long code = ERR_peek_error();
  if (ERR_GET_REASON(code) == SSL_R_WRONG_VERSION_NUMBER) return "what answers does not speak TLS";
  if (const char* const reason = code == 0 ? nullptr : ERR_reason_error_string(code)) {
    if (ERR_GET_REASON(code) != SSL_R_UNEXPECTED_EOF_WHILE_READING) return reason;
  }
  if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE) {
    return std::chrono::steady_clock::now() >= until ? "no answer to the handshake in time"
                                                     : "broken off";
  }
  return "the other side closed the connection during the handshake";
}

void check_name(SSL* ssl, const std::string& host) {
  X509_VERIFY_PARAM* const checks = SSL_get0_param(ssl);
  if (is_address(host)) {
    X509_VERIFY_PARAM_set1_ip_asc(checks, host.c_str());
    return;
  }
  SSL_set_tlsext_host_name(ssl, host.c_str());
  X509_VERIFY_PARAM_set_hostflags(checks, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
  X509_VERIFY_PARAM_set1_host(checks, host.c_str(), host.size());
}

}  // namespace

bool wait_ready(int socket, bool for_writing, SteadyPoint until, const std::atomic<bool>& stop) {
  while (!stop) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        until - std::chrono::steady_clock::now());
    if (left.count() <= 0) return false;
    pollfd wait{socket, static_cast<short>(for_writing ? POLLOUT : POLLIN), 0};
    if (poll(&wait, 1, static_cast<int>(std::min(left, kSlice).count())) > 0) return true;
  }
  return false;
}

TlsLook::TlsLook(ssl_ctx_st* context) : context_(context, SSL_CTX_free) {}

Result<TlsLook> TlsLook::with_roots(const std::string& roots_file) {
  SSL_CTX* const context = SSL_CTX_new(TLS_client_method());
  if (context == nullptr) {
    return failure(ErrorCode::ConfigInvalid, ErrorKind::Permanent, "OpenSSL does not start");
  }
  TlsLook look(context);
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, note_fault);
  ERR_clear_error();
  if (SSL_CTX_load_verify_file(context, roots_file.c_str()) != 1) {
    ERR_clear_error();
    return failure(ErrorCode::ConfigInvalid, ErrorKind::Permanent,
                   "trusted roots file " + roots_file + ": cannot be read as certificates");
  }
  return look;
}

void TlsLook::at(int socket, SteadyPoint until, const std::atomic<bool>& stop,
                 PathFindings& findings) const {
  const auto begin = std::chrono::steady_clock::now();
  PathStep& step = findings.tls.emplace();
  const std::unique_ptr<SSL, void (*)(SSL*)> ssl(SSL_new(context_.get()), SSL_free);
  int code = -1;
  int error = SSL_ERROR_SSL;
  ERR_clear_error();
  if (ssl && SSL_set_fd(ssl.get(), socket) == 1) {
    SSL_set_app_data(ssl.get(), &findings);
    check_name(ssl.get(), findings.host);
    while (true) {
      code = SSL_connect(ssl.get());
      if (code == 1) break;
      error = SSL_get_error(ssl.get(), code);
      const bool waits = error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE;
      if (!waits || !wait_ready(socket, error == SSL_ERROR_WANT_WRITE, until, stop)) break;
    }
  }
  step.took = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::steady_clock::now() - begin);
  if (code != 1) {
    step.trouble =
        Error{ErrorCode::TlsFailed, ErrorKind::Transient, handshake_trouble(error, until)};
    ERR_clear_error();
    return;
  }
  findings.tls_version = SSL_get_version(ssl.get());
  if (const X509* const shown = SSL_get0_peer_certificate(ssl.get())) {
    findings.certificate = facts_of(shown);
  }
  (void)SSL_shutdown(ssl.get());
  ERR_clear_error();
}

}  // namespace hubward::platform
