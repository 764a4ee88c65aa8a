#pragma once

#include <deque>

#include "adapters/modbus/wire.h"
#include "proto/modbus/tcp.h"

namespace hubward::modbus {

// Modbus TCP: transaction numbers tell answers apart, so late ones are dropped and several
// exchanges may be open. A number is used again after 65,536 exchanges, and is taken only from the
// unit, with the function and of the size that was asked for.
class TcpWire final : public Wire {
 public:
  void on_open(SteadyTime now) override;
  [[nodiscard]] std::vector<std::byte> begin(Ticket ticket, std::uint8_t unit,
                                             const Request& request, SteadyTime now) override;
  [[nodiscard]] std::vector<WireEvent> on_bytes(std::span<const std::byte> bytes,
                                                SteadyTime now) override;
  [[nodiscard]] std::vector<WireEvent> abandon(const GivenUp& given_up, SteadyTime now) override;
  [[nodiscard]] bool hears_answer() const override { return false; }
  [[nodiscard]] SteadyTime ready_at() const override { return SteadyTime::min(); }
  [[nodiscard]] bool is_never_quiet(SteadyTime) const override { return false; }

 private:
  struct Open {
    std::uint16_t transaction;
    Ticket ticket;
    std::uint8_t unit;
    Request request;
  };
  [[nodiscard]] WireEvent match(TcpFrame frame);
  [[nodiscard]] std::optional<LateAnswer> match_given_up(const TcpFrame& frame);

  TcpFrameReader reader_;
  std::vector<Open> open_;
  // Given up early, the newest last.
  static constexpr std::size_t kGivenUpMax = 64;
  std::deque<Open> given_up_;
  std::uint16_t last_transaction_ = 0;  // goes on over reconnects
};

}  // namespace hubward::modbus
