#pragma once

#include <functional>
#include <string>

#include "proto/result.h"

namespace hubward {

// Signs with one device's key, wherever that key lives (memory now; TPM or HSM later, which take
// long: hence the callback).
class Signer {
 public:
  virtual ~Signer() = default;
  // HMAC-SHA256 of `text`, 32 bytes. `done` runs once on the caller's loop, possibly before sign()
  // returns.
  virtual void sign(std::string text, std::function<void(Result<std::string>)> done) = 0;
  // The service refused the key: the next signatures are made with the other one, if there are two.
  // False: there is none.
  virtual bool use_other_key() { return false; }
  // Identifies the first key without telling anything about it: the first bytes of a hash of a
  // signature. Changes when the key does, so that a cached assignment made with another key is not
  // used.
  [[nodiscard]] virtual std::string fingerprint() const = 0;
};

}  // namespace hubward
