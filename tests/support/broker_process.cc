#include "tests/support/broker_process.h"

#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iostream>

namespace hubward::test {
namespace {

constexpr std::chrono::seconds kStartMax{15};

sockaddr_in loopback(std::uint16_t port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  return address;
}

bool accepts(std::uint16_t port) {
  const int probe = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = loopback(port);
  const bool ok = connect(probe, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
  close(probe);
  return ok;
}

bool run(const std::string& command) { return std::system(command.c_str()) == 0; }

}  // namespace

std::uint16_t free_port() {
  const int probe = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = loopback(0);
  bind(probe, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  socklen_t size = sizeof address;
  getsockname(probe, reinterpret_cast<sockaddr*>(&address), &size);
  close(probe);
  return ntohs(address.sin_port);
}

std::unique_ptr<BrokerProcess> BrokerProcess::start() {
  if (!run("command -v mosquitto >/dev/null || test -x /usr/sbin/mosquitto") ||
      !run("command -v openssl >/dev/null")) {
    std::cout << "skipped: mosquitto or openssl is not installed\n";
    return nullptr;
  }
  std::unique_ptr<BrokerProcess> broker(new BrokerProcess);
  if (!broker->make_certificates()) return nullptr;
  broker->write_configuration();
  if (!broker->launch()) return nullptr;
  return broker;
}

BrokerProcess::~BrokerProcess() { stop(); }

bool BrokerProcess::make_certificates() const {
  const std::string folder = folder_.path();
  std::ofstream(folder_.path() / "san.txt")
      << "subjectAltName=DNS:hub.example,DNS:localhost,IP:127.0.0.1,IP:127.0.0.2\n";
  const std::string key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes ";
  return run("cd " + folder + " && { openssl req -x509 " + key +
             "-days 2 -subj '/CN=hubward test roots' -keyout ca.key -out ca.pem && "
             "openssl req -x509 " +
             key +
             "-days 2 -subj '/CN=another root' -keyout other.key -out other.pem && "
             "openssl x509 -in ca.pem -signkey ca.key -days -1 -out expired.pem && "
             "openssl req -new " +
             key +
             "-subj '/CN=test hub' -keyout hub.key -out hub.csr && "
             "openssl x509 -req -in hub.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 "
             "-extfile san.txt -out hub.pem ; } 2>/dev/null >/dev/null");
}

void BrokerProcess::write_configuration() const {
  const std::string folder = folder_.path();
  const std::string tls = "\ncafile " + folder + "/ca.pem\ncertfile " + folder +
                          "/hub.pem\nkeyfile " + folder + "/hub.key\n";
  std::ofstream(folder_.path() / "mosquitto.conf")
      << "per_listener_settings true\nlog_dest none\npersistence true\npersistence_location "
      << folder << "/\nuser root\nmax_queued_messages 100000\nmax_inflight_messages 100\n"
      << "listener " << plain_port_ << " 127.0.0.1\nallow_anonymous true\n"
      << "listener " << tls_port_ << tls << "allow_anonymous true\n"
      << "listener " << refusing_tls_port_ << tls << "allow_anonymous false\n";
}

bool BrokerProcess::launch() {
  const std::string configuration = folder_.path() / "mosquitto.conf";
  process_ = fork();
  if (process_ == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);  // also when a test crashes
    execl("/usr/sbin/mosquitto", "mosquitto", "-c", configuration.c_str(), nullptr);
    _exit(127);
  }
  const auto until = std::chrono::steady_clock::now() + kStartMax;
  while (std::chrono::steady_clock::now() < until) {
    if (accepts(plain_port_) && accepts(tls_port_) && accepts(refusing_tls_port_)) return true;
    poll(nullptr, 0, 5);
  }
  std::cout << "mosquitto does not start\n";
  return false;
}

void BrokerProcess::freeze() { kill(process_, SIGSTOP); }

void BrokerProcess::thaw() { kill(process_, SIGCONT); }

void BrokerProcess::stop() {
  if (process_ <= 0) return;
  kill(process_, SIGKILL);
  waitpid(process_, nullptr, 0);
  process_ = -1;
}

void BrokerProcess::shut_down() {
  if (process_ <= 0) return;
  kill(process_, SIGTERM);
  waitpid(process_, nullptr, 0);
  process_ = -1;
}

void BrokerProcess::restart() {
  stop();
  if (!launch()) std::abort();
}

}  // namespace hubward::test
