#pragma once

#include <functional>
#include <optional>
#include <string>

#include "proto/result.h"

namespace hubward {

// What DPS answered, kept across restarts. Used only by the identity it was made for.
struct Assignment {
  std::string assigned_hub;  // host or host:port
  std::string device_id;     // may differ from the registration id
  // What it is tied to; another value of any of these makes it void.
  std::string id_scope;
  std::string registration_id;
  std::string credential;  // Signer::fingerprint()
  friend bool operator==(const Assignment&, const Assignment&) = default;
};

class AssignmentStore {
 public:
  virtual ~AssignmentStore() = default;
  // Any thread; from memory. The assignment made for exactly these three, if any.
  [[nodiscard]] virtual std::optional<Assignment> load(const std::string& id_scope,
                                                       const std::string& registration_id,
                                                       const std::string& credential) const = 0;
  // Any thread; visible to load() at once, written to disk (mode 0600, atomically) elsewhere.
  virtual void save(const Assignment& assignment) = 0;
};

}  // namespace hubward
