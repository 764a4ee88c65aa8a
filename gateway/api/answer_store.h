#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "proto/hub/twin.h"

namespace hubward {

// What became of one desired property.
struct WishAnswer {
  std::int64_t version = 0;  // of the newest desired document in which the wish was seen
  std::string wish;          // its JSON text, or what stands for a long one; empty: put back
  hub::Acknowledgement ack;  // stands until the next wish, whatever value is reported with it
  bool under_way = false;    // taken, and not answered yet
  friend bool operator==(const WishAnswer&, const WishAnswer&) = default;
};

// What a restart must not forget. The twin alone does not tell: its version is the whole
// document's, and the value that is reported with an answer is what the plant holds, not what was
// wished. An old setpoint would be written again because something else was changed.
struct TwinAnswers {
  using Property = std::pair<std::string, std::string>;  // component, name
  std::string twin;  // "{assigned hub}/{device id}": whose versions these are
  std::map<Property, WishAnswer> by_property;
  friend bool operator==(const TwinAnswers&, const TwinAnswers&) = default;
};

// Kept across restarts.
class AnswerStore {
 public:
  virtual ~AnswerStore() = default;
  // Any thread; from memory.
  [[nodiscard]] virtual std::optional<TwinAnswers> load(
      const std::string& registration_id) const = 0;
  // Any thread; visible to load() at once, written to disk soon, elsewhere. Without any property
  // the device is forgotten.
  virtual void save(const std::string& registration_id, const TwinAnswers& answers) = 0;
};

}  // namespace hubward
