#include "gateway/platform/tls_roots.h"

#include <arpa/inet.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <array>

namespace hubward::platform {
namespace {

thread_local const std::string* handshake_host = nullptr;
// What verify() refused since the HandshakeHost was made. Not asked of the SSL object: libmosquitto
// may have freed that when the call returns.
thread_local std::string refusal;
thread_local bool out_of_date = false;

bool is_address(const std::string& host) {
  in6_addr ignored{};
  return inet_pton(AF_INET, host.c_str(), &ignored) == 1 ||
         inet_pton(AF_INET6, host.c_str(), &ignored) == 1;
}

std::string name_of(X509_NAME* name) {
  std::array<char, 200> text{};
  X509_NAME_oneline(name, text.data(), static_cast<int>(text.size()));
  return text.data();
}

// Runs as the handshake begins, before the ClientHello is made.
void name_the_host(const SSL* connection, int where, int) {
  if ((where & SSL_CB_HANDSHAKE_START) == 0) return;
  auto* const ssl = const_cast<SSL*>(connection);  // the callback's type, not its meaning
  // TLS 1.3 messages after the handshake (tickets, key updates) come here too.
  if (SSL_is_init_finished(ssl) != 0 || SSL_get0_peer_certificate(ssl) != nullptr) return;
  if (handshake_host == nullptr) return;  // refused in verify(), for want of a name to check
  X509_VERIFY_PARAM* const checks = SSL_get0_param(ssl);
  if (is_address(*handshake_host)) {
    SSL_set_tlsext_host_name(ssl, nullptr);  // RFC 6066 section 3: no addresses in SNI
    X509_VERIFY_PARAM_set1_ip_asc(checks, handshake_host->c_str());
  } else {
    SSL_set_tlsext_host_name(ssl, handshake_host->c_str());
    X509_VERIFY_PARAM_set_hostflags(checks, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
    X509_VERIFY_PARAM_set1_host(checks, handshake_host->c_str(), handshake_host->size());
  }
}

int verify(int trusted, X509_STORE_CTX* chain) {
  X509_VERIFY_PARAM* const checks = X509_STORE_CTX_get0_param(chain);
  const char* const host = X509_VERIFY_PARAM_get0_host(checks, 0);
  char* const address = X509_VERIFY_PARAM_get1_ip_asc(checks);
  const bool named = host != nullptr || address != nullptr;
  OPENSSL_free(address);
  if (trusted == 1 && named) return 1;
  if (trusted == 1) X509_STORE_CTX_set_error(chain, X509_V_ERR_UNSPECIFIED);
  const int why = X509_STORE_CTX_get_error(chain);
  out_of_date = why == X509_V_ERR_CERT_NOT_YET_VALID || why == X509_V_ERR_CERT_HAS_EXPIRED;
  refusal = X509_verify_cert_error_string(why);
  if (X509* const certificate = X509_STORE_CTX_get_current_cert(chain); certificate != nullptr) {
    refusal += " (certificate " + name_of(X509_get_subject_name(certificate)) + ", issued by " +
               name_of(X509_get_issuer_name(certificate)) + ")";
  }
  return 0;
}

}  // namespace

TlsRoots::TlsRoots(ssl_ctx_st* context) : context_(context, SSL_CTX_free) {}

Result<TlsRoots> TlsRoots::load(const std::string& roots_file) {
  SSL_CTX* const context = SSL_CTX_new(TLS_client_method());
  if (context == nullptr) {
    return failure(ErrorCode::ConfigInvalid, ErrorKind::Permanent, "OpenSSL does not start");
  }
  TlsRoots roots(context);
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  // An MQTT packet tells its own length, so that a close without goodbye hides nothing.
  SSL_CTX_set_options(
      context, SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION | SSL_OP_IGNORE_UNEXPECTED_EOF);
  // Some 34 kB less for a connection that is idle most of the time.
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER, verify);
  SSL_CTX_set_info_callback(context, name_the_host);
  ERR_clear_error();
  if (SSL_CTX_load_verify_file(context, roots_file.c_str()) != 1) {
    const char* const why = ERR_reason_error_string(ERR_get_error());
    ERR_clear_error();
    return failure(ErrorCode::ConfigInvalid, ErrorKind::Permanent,
                   "trusted roots file " + roots_file + ": " +
                       (why != nullptr ? why : "no certificates in it"));
  }
  return roots;
}

HandshakeHost::HandshakeHost(const std::string& host) {
  handshake_host = &host;
  refusal.clear();
  out_of_date = false;
}

HandshakeHost::~HandshakeHost() { handshake_host = nullptr; }

std::string HandshakeHost::distrust() const { return refusal; }

bool HandshakeHost::is_out_of_date() const { return out_of_date; }

}  // namespace hubward::platform
