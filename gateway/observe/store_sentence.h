// The store's state in plain words, for whoever looks at the page or asks `hubward status`.
#pragma once

#include <string>

#include "gateway/api/outbox.h"

namespace hubward::observe {

// Whether new messages are not safe on the disk.
[[nodiscard]] bool store_fails(const StoreStatus& store);

// Nothing to say: empty. Otherwise one or more sentences, each with a space in front.
[[nodiscard]] std::string store_sentence(const StoreStatus& store);

}  // namespace hubward::observe
