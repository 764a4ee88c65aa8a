// Which deliveries of a broker were taken, so that one is known again when it comes twice.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>

#include "proto/mqtt/packet.h"

namespace hubward::mqtt {

// As the broker's next delivery of the same message would show it.
struct Delivery {
  PacketId packet_id;
  std::size_t content;  // hash of topic and payload
  friend bool operator==(const Delivery&, const Delivery&) = default;
};

// One is kept until the broker is seen to have its acknowledgement. From then on an equal message
// under the same id is a new one, also when it comes as a DUP because its first delivery was lost.
class TakenDeliveries {
 public:
  // More than any broker has in flight.
  static constexpr std::size_t kMax = 2048;

  // On which connection it is acknowledged; 0: on none yet.
  void remember(const Delivery& delivery, std::uint64_t connection);
  [[nodiscard]] bool contains(const Delivery& delivery) const;
  // The broker uses this id for another message.
  void forget_reused(PacketId id);

  // Counts up; 0 before the first.
  [[nodiscard]] std::uint64_t newest() const { return last_; }
  void forget_until(std::uint64_t newest);
  void clear() { taken_.clear(); }

 private:
  struct Taken {
    Delivery delivery;
    std::uint64_t order;
    std::uint64_t connection;
  };
  std::deque<Taken> taken_;
  std::uint64_t last_ = 0;
};

}  // namespace hubward::mqtt
