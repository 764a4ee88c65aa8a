// A real Mosquitto on free ports, with certificates made for the occasion.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "tests/support/temporary_folder.h"

namespace hubward::test {

[[nodiscard]] std::uint16_t free_port();

class BrokerProcess {
 public:
  // Null, with a line that says 'skipped', where mosquitto or openssl is not installed.
  [[nodiscard]] static std::unique_ptr<BrokerProcess> start();
  ~BrokerProcess();
  BrokerProcess(const BrokerProcess&) = delete;
  BrokerProcess& operator=(const BrokerProcess&) = delete;

  // TLS, made out to hub.example, localhost, 127.0.0.1 and 127.0.0.2.
  [[nodiscard]] std::uint16_t tls_port() const { return tls_port_; }
  [[nodiscard]] std::uint16_t refusing_tls_port() const { return refusing_tls_port_; }  // CONNACK 5
  [[nodiscard]] std::uint16_t plain_port() const { return plain_port_; }
  [[nodiscard]] std::string roots_file() const { return folder_.path() / "ca.pem"; }
  [[nodiscard]] std::string other_roots_file() const { return folder_.path() / "other.pem"; }
  // The right root, whose certificate expired yesterday.
  [[nodiscard]] std::string expired_roots_file() const { return folder_.path() / "expired.pem"; }
  void freeze();  // reads and answers nothing until thaw()
  void thaw();
  void stop();       // SIGKILL
  void restart();    // on the same ports, with what it had stored if it was shut down in order
  void shut_down();  // SIGTERM: it stores its sessions

 private:
  BrokerProcess() = default;
  [[nodiscard]] bool make_certificates() const;
  void write_configuration() const;
  [[nodiscard]] bool launch();

  TemporaryFolder folder_;
  std::uint16_t tls_port_ = free_port();
  std::uint16_t refusing_tls_port_ = free_port();
  std::uint16_t plain_port_ = free_port();
  pid_t process_ = -1;
};

}  // namespace hubward::test
