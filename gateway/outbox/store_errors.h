// What SQLite's result codes mean for the store. Used only inside this folder.
#pragma once

#include <string_view>

#include "gateway/outbox/store.h"

namespace hubward::outbox {

// The file's content is at fault: no repetition helps, another file does.
[[nodiscard]] bool is_damage(int rc);
// For everything else: what to call it.
[[nodiscard]] StoreHealth health_of(int rc);
// The code with this label in failure_words.h; StoreCorrupt for one that nobody knows any more.
[[nodiscard]] ErrorCode code_of_label(std::string_view label);

}  // namespace hubward::outbox
