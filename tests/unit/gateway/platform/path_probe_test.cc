#include "gateway/platform/path_probe.h"

#include <arpa/inet.h>
#include <doctest/doctest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <thread>

#include "gateway/platform/asio_loop.h"
#include "gateway/platform/resolver.h"
#include "gateway/platform/system_clock.h"
#include "tests/support/broker_process.h"
#include "tests/support/run_until.h"

namespace hubward::platform {
namespace {

using namespace std::chrono_literals;
using test::BrokerProcess;
using test::run_until;

BrokerProcess* broker() {
  static const std::unique_ptr<BrokerProcess> one = BrokerProcess::start();
  return one.get();
}

#define REQUIRE_BROKER() \
  if (broker() == nullptr) return

// A TLS server whose certificate is valid from and to these days: "20200101000000Z".
class DatedServer {
 public:
  DatedServer(const std::string& from, const std::string& to) {
    const std::string folder = folder_.path();
    const std::string script =
        "cd " + folder +
        " && touch index.txt && echo 01 > serial && printf '[ca]\\ndefault_ca=c\\n[c]\\n"
        "database=index.txt\\nserial=serial\\nnew_certs_dir=.\\ncertificate=ca.pem\\n"
        "private_key=ca.key\\ndefault_md=sha256\\npolicy=p\\n[p]\\ncommonName=supplied\\n' > ca.cnf"
        " && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 3650"
        " -subj '/CN=test root' -keyout ca.key -out ca.pem"
        " && openssl req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
        " -subj '/CN=hub.example' -keyout hub.key -out hub.csr"
        " && printf 'subjectAltName=DNS:hub.example\\n' > san.txt"
        " && openssl ca -batch -config ca.cnf -in hub.csr -out hub.pem -extfile san.txt "
        "-startdate " +
        from + " -enddate " + to;
    made_ = std::system(("( " + script + " ) >/dev/null 2>&1").c_str()) == 0;
    if (!made_) return;
    process_ = fork();
    if (process_ == 0) {
      const std::string port_text = std::to_string(port_);
      const std::string certificate = folder + "/hub.pem";
      const std::string key = folder + "/hub.key";
      execlp("openssl", "openssl", "s_server", "-quiet", "-accept", port_text.c_str(), "-cert",
             certificate.c_str(), "-key", key.c_str(), nullptr);
      _exit(127);
    }
  }
  ~DatedServer() {
    if (process_ <= 0) return;
    kill(process_, SIGKILL);
    waitpid(process_, nullptr, 0);
  }
  DatedServer(const DatedServer&) = delete;
  DatedServer& operator=(const DatedServer&) = delete;
  [[nodiscard]] bool made() const { return made_; }
  [[nodiscard]] std::uint16_t port() const { return port_; }
  [[nodiscard]] std::string roots_file() const { return folder_.path() / "ca.pem"; }

 private:
  test::TemporaryFolder folder_;
  const std::uint16_t port_ = test::free_port();
  bool made_ = false;
  pid_t process_ = -1;
};

struct Fixture {
  explicit Fixture(const std::string& roots)
      : probe(NetworkPathProbe::create(roots, resolver, loop).value()) {}

  PathFindings look(const std::string& host, std::uint16_t port) {
    std::optional<PathFindings> found;
    probe->probe(host, port, [&](PathFindings findings) { found = std::move(findings); });
    REQUIRE(run_until(loop, [&] { return found.has_value(); }));
    return *found;
  }

  SystemClock clock;
  AsioLoop loop{clock};
  Resolver resolver{[](const std::string& host) -> Resolver::Answer {
    if (host == "hub.example" || host == "other.example") {
      return std::vector<std::string>{"127.0.0.1"};
    }
    return failure(ErrorCode::NameUnknown, ErrorKind::Transient, host + ": no such name");
  }};
  std::unique_ptr<NetworkPathProbe> probe;
};

bool has(const PathFindings& found, CertificateFault fault) {
  return std::find(found.faults.begin(), found.faults.end(), fault) != found.faults.end();
}

}  // namespace

TEST_CASE("a good way has a figure at every step, and nobody is logged in") {
  REQUIRE_BROKER();
  Fixture f(broker()->roots_file());
  const PathFindings found = f.look("hub.example", broker()->tls_port());
  CHECK(found.passed());
  CHECK(found.addresses == std::vector<std::string>{"127.0.0.1"});
  CHECK(found.address == "127.0.0.1");
  CHECK(found.tls_version.starts_with("TLSv1."));
  REQUIRE(found.certificate);
  CHECK_FALSE(found.certificate->issuer.empty());
  CHECK(found.certificate->not_before < f.clock.wall() + 24h);
  CHECK(found.certificate->not_after > f.clock.wall());
  CHECK(found.faults.empty());
}

TEST_CASE("a name that is unknown stops the look at the name") {
  REQUIRE_BROKER();
  Fixture f(broker()->roots_file());
  const PathFindings found = f.look("nobody.example", 8883);
  REQUIRE(found.name.trouble);
  CHECK(found.name.trouble->code == ErrorCode::NameUnknown);
  CHECK_FALSE(found.tcp);
  CHECK_FALSE(found.passed());
}

TEST_CASE("a closed port stops it at TCP") {
  REQUIRE_BROKER();
  Fixture f(broker()->roots_file());
  const PathFindings found = f.look("hub.example", test::free_port());
  CHECK_FALSE(found.name.trouble);
  REQUIRE(found.tcp);
  REQUIRE(found.tcp->trouble);
  CHECK(found.tcp->trouble->code == ErrorCode::Unreachable);
  CHECK(found.tcp->trouble->context == "Connection refused");
  CHECK_FALSE(found.tls);
}

TEST_CASE("a server that does not speak TLS is no trusted one") {
  REQUIRE_BROKER();
  Fixture f(broker()->roots_file());
  const PathFindings found = f.look("hub.example", broker()->plain_port());
  REQUIRE(found.tls);
  REQUIRE(found.tls->trouble);
  CHECK(found.tls->trouble->code == ErrorCode::TlsFailed);
  CHECK_FALSE(found.tls->trouble->context.empty());
}

TEST_CASE("a certificate of another issuer is shown with its issuer, and named untrusted") {
  REQUIRE_BROKER();
  Fixture f(broker()->other_roots_file());
  const PathFindings found = f.look("hub.example", broker()->tls_port());
  REQUIRE(found.tls);
  REQUIRE(found.tls->trouble);
  CHECK(found.tls->trouble->code == ErrorCode::TlsUntrusted);
  CHECK((has(found, CertificateFault::UnknownIssuer) || has(found, CertificateFault::SelfSigned)));
  REQUIRE(found.faulty);
  CHECK(found.faulty->issuer.starts_with("CN = "));
}

TEST_CASE("a certificate made out to somebody else is told from an untrusted one") {
  REQUIRE_BROKER();
  Fixture f(broker()->roots_file());
  const PathFindings found = f.look("other.example", broker()->tls_port());
  REQUIRE(found.tls);
  REQUIRE(found.tls->trouble);
  CHECK(found.faults == std::vector{CertificateFault::OtherName});
}

TEST_CASE("certificates of the future and of the past are told apart, with their dates") {
  struct Row {
    const char* from;
    const char* to;
    CertificateFault fault;
  };
  for (const Row& row : {Row{"20450101000000Z", "20460101000000Z", CertificateFault::NotYetValid},
                         Row{"20150101000000Z", "20160101000000Z", CertificateFault::Expired}}) {
    CAPTURE(row.from);
    const DatedServer server(row.from, row.to);
    if (!server.made()) {
      MESSAGE("skipped: openssl is not installed");
      return;
    }
    Fixture f(server.roots_file());
    PathFindings found;
    // The server needs a moment to listen.
    for (int tries = 0; tries < 200 && !found.tls; ++tries) {
      found = f.look("hub.example", server.port());
      if (!found.tls) std::this_thread::sleep_for(20ms);
    }
    REQUIRE(found.tls);
    REQUIRE(found.tls->trouble);
    CHECK(found.faults == std::vector{row.fault});
    REQUIRE(found.faulty);
    CHECK(found.faulty->subject == "CN = hub.example");
    CHECK(found.faulty->issuer == "CN = test root");
  }
}

TEST_CASE("more looks at once than allowed are refused, not queued without end") {
  REQUIRE_BROKER();
  Fixture f(broker()->roots_file());
  std::size_t refused = 0;
  std::size_t ended = 0;
  constexpr std::size_t kAsked = NetworkPathProbe::kUnderWayMax + 3;
  for (std::size_t i = 0; i < kAsked; ++i) {
    f.probe->probe("hub.example", broker()->tls_port(), [&](const PathFindings& found) {
      ++ended;
      if (found.name.trouble && found.name.trouble->code == ErrorCode::LimitExceeded) ++refused;
    });
  }
  REQUIRE(run_until(f.loop, [&] { return ended == kAsked; }));
  CHECK(refused == 3);
  CHECK(f.look("hub.example", broker()->tls_port()).passed());
}

TEST_CASE("a probe that goes breaks off a handshake that nobody answers") {
  REQUIRE_BROKER();
  broker()->freeze();
  {
    Fixture f(broker()->roots_file());
    bool told = false;
    f.probe->probe("hub.example", broker()->tls_port(), [&](const PathFindings&) { told = true; });
    const auto begin = std::chrono::steady_clock::now();
    (void)run_until(f.loop, [&] { return std::chrono::steady_clock::now() - begin > 200ms; });
    f.probe.reset();
    CHECK(std::chrono::steady_clock::now() - begin < 3s);
    CHECK_FALSE(told);
  }
  broker()->thaw();
}

}  // namespace hubward::platform
