// Ordinary failure is a value: Result<T> holds a T or an Error.
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <utility>

#include "proto/error_code.h"

namespace hubward {

// What the caller does next. See the table in gateway/ARCHITECTURE.md, "Errors".
enum class ErrorKind : std::uint8_t { Transient, Throttled, Unauthorized, Permanent, Corrupt };

struct Error {
  ErrorCode code;       // names the failure; the words for people come from one table
  ErrorKind kind;       // what the caller does next
  std::string context;  // which host, file, field, register; never a secret, never a whole payload
};

template <class T>
using Result = tl::expected<T, Error>;
using Status = Result<void>;

[[nodiscard]] inline tl::unexpected<Error> failure(ErrorCode code, ErrorKind kind,
                                                   std::string context = {}) {
  return tl::unexpected<Error>(Error{code, kind, std::move(context)});
}

}  // namespace hubward
