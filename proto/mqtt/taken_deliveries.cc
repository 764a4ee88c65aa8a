#include "proto/mqtt/taken_deliveries.h"

#include <algorithm>

namespace hubward::mqtt {

void TakenDeliveries::remember(const Delivery& delivery, std::uint64_t connection) {
  if (taken_.size() >= kMax) taken_.pop_front();
  taken_.push_back({delivery, ++last_, connection});
}

bool TakenDeliveries::contains(const Delivery& delivery) const {
  return std::any_of(taken_.begin(), taken_.end(),
                     [&](const Taken& one) { return one.delivery == delivery; });
}

// An id is free again when its PUBACK has arrived, and with that all PUBACKs that were sent before
// it on the same connection.
void TakenDeliveries::forget_reused(PacketId id) {
  const auto last = std::find_if(taken_.rbegin(), taken_.rend(),
                                 [&](const Taken& one) { return one.delivery.packet_id == id; });
  if (last == taken_.rend()) return;
  const Taken reused = *last;
  std::erase_if(taken_, [&](const Taken& one) {
    const bool before = one.connection == reused.connection && one.order < reused.order;
    return one.delivery.packet_id == id || (one.connection != 0 && before);
  });
}

void TakenDeliveries::forget_until(std::uint64_t newest) {
  std::erase_if(taken_, [&](const Taken& one) { return one.order <= newest; });
}

}  // namespace hubward::mqtt
