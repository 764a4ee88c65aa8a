#include "tests/sim/cloud/certificates.h"

#include <fcntl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>
#include <unistd.h>

namespace hubward::simcloud {
namespace {

template <class T, void (*Free)(T*)>
struct Freed {
  void operator()(T* object) const { Free(object); }
};
using KeyPair = std::unique_ptr<EVP_PKEY, Freed<EVP_PKEY, EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Freed<X509, X509_free>>;

struct Identity {
  KeyPair key;
  Certificate certificate;
};

tl::unexpected<Error> failed(std::string what) {
  return failure(ErrorCode::TlsFailed, ErrorKind::Permanent, std::move(what));
}

bool add_extension(X509* certificate, X509* issuer, int kind, const std::string& value) {
  X509V3_CTX context;
  X509V3_set_ctx_nodb(&context);
  X509V3_set_ctx(&context, issuer, certificate, nullptr, nullptr, 0);
  X509_EXTENSION* extension = X509V3_EXT_conf_nid(nullptr, &context, kind, value.c_str());
  if (extension == nullptr) return false;
  const bool added = X509_add_ext(certificate, extension, -1) == 1;
  X509_EXTENSION_free(extension);
  return added;
}

// `issuer` null: signed by itself.
Identity make_identity(const char* common_name, long serial, const Identity* issuer) {
  constexpr long kDay = 24L * 60 * 60;
  constexpr long kX509Version3 = 2;
  Identity made{KeyPair(EVP_EC_gen("P-256")), Certificate(X509_new())};
  X509* certificate = made.certificate.get();
  X509_set_version(certificate, kX509Version3);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate), serial);
  X509_gmtime_adj(X509_getm_notBefore(certificate), -kDay);  // clients' clocks may be behind
  X509_gmtime_adj(X509_getm_notAfter(certificate), 30 * kDay);
  X509_set_pubkey(certificate, made.key.get());
  X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(common_name), -1, -1, 0);
  X509_set_issuer_name(certificate,
                       X509_get_subject_name(issuer ? issuer->certificate.get() : certificate));
  return made;
}

bool write_pem(const std::filesystem::path& path, mode_t mode,
               const std::vector<X509*>& certificates, EVP_PKEY* key) {
  std::filesystem::remove(path);
  const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
  if (fd < 0) return false;
  FILE* file = ::fdopen(fd, "w");
  bool written = true;
  for (X509* one : certificates) written = written && PEM_write_X509(file, one) == 1;
  if (key != nullptr) {
    written =
        written && PEM_write_PrivateKey(file, key, nullptr, nullptr, 0, nullptr, nullptr) == 1;
  }
  return std::fclose(file) == 0 && written;
}

std::string alternative_names(const std::vector<std::string>& addresses,
                              const std::vector<std::string>& names) {
  std::string text;
  for (const auto& address : addresses) text += (text.empty() ? "IP:" : ",IP:") + address;
  for (const auto& name : names) text += (text.empty() ? "DNS:" : ",DNS:") + name;
  return text;
}

}  // namespace

Result<SslContext> make_server_context(const std::filesystem::path& folder,
                                       const std::vector<std::string>& addresses,
                                       const std::vector<std::string>& names) {
  const Identity authority = make_identity("simcloud throw-away root", 1, nullptr);
  X509* root = authority.certificate.get();
  bool good = add_extension(root, root, NID_basic_constraints, "critical,CA:TRUE") &&
              add_extension(root, root, NID_key_usage, "critical,keyCertSign,cRLSign") &&
              add_extension(root, root, NID_subject_key_identifier, "hash") &&
              X509_sign(root, authority.key.get(), EVP_sha256()) > 0;
  const Identity server = make_identity("simcloud", 2, &authority);
  X509* leaf = server.certificate.get();
  good = good && add_extension(leaf, root, NID_basic_constraints, "critical,CA:FALSE") &&
         add_extension(leaf, root, NID_key_usage, "critical,digitalSignature") &&
         add_extension(leaf, root, NID_ext_key_usage, "serverAuth") &&
         add_extension(leaf, root, NID_authority_key_identifier, "keyid") &&
         add_extension(leaf, root, NID_subject_alt_name, alternative_names(addresses, names)) &&
         X509_sign(leaf, authority.key.get(), EVP_sha256()) > 0;
  if (!good) return failed("certificates could not be made");
  if (!write_pem(folder / "ca.pem", 0644, {root}, nullptr) ||
      !write_pem(folder / "server.pem", 0600, {leaf}, nullptr) ||
      !write_pem(folder / "server.key", 0600, {}, server.key.get())) {
    return failed("cannot write certificates into " + folder.string());
  }
  SslContext context(SSL_CTX_new(TLS_server_method()));
  SSL_CTX_set_min_proto_version(context.get(), TLS1_2_VERSION);
  if (SSL_CTX_use_certificate(context.get(), leaf) != 1 ||
      SSL_CTX_use_PrivateKey(context.get(), server.key.get()) != 1) {
    return failed("the server certificate was not accepted");
  }
  // Thousands of mostly idle connections: buffers are given back, writes may be partial.
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  constexpr unsigned char kSessionContext[] = "simcloud";
  SSL_CTX_set_session_id_context(context.get(), kSessionContext, sizeof kSessionContext - 1);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);  // tickets need no cache
  return context;
}

}  // namespace hubward::simcloud
