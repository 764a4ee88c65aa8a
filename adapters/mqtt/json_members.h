// Every member of arrays and objects in a JSON payload.
#pragma once

#include <string_view>
#include <vector>

#include "adapters/mqtt/json_place.h"

namespace hubward::mqtt {

// A JSON Pointer with `*` for every member of an array or object: "/groups/*/samples/*". One
// without `*` means the members of what it leads to: "/samples" is "/samples/*". A member that is
// called `*` cannot be meant.
class JsonMembers {
 public:
  struct Member {
    std::string_view name;  // of the member at the last `*`; empty in an array
    const json::Value* value = nullptr;
  };

  // Error ConfigInvalid: it is no JSON Pointer otherwise.
  [[nodiscard]] static Result<JsonMembers> parse(std::string_view text);

  // In the order of the payload; empty if it leads nowhere. Errors: BadPayload, there is neither an
  // array nor an object where one without `*` leads; InputTooLong, more than `count_max`.
  [[nodiscard]] Result<std::vector<Member>> in(const json::Value& root,
                                               std::size_t count_max) const;

 private:
  JsonMembers() = default;
  std::vector<JsonPlace> steps_;  // between them stands a `*`
  bool implied_ = false;          // no `*` was written
};

}  // namespace hubward::mqtt
