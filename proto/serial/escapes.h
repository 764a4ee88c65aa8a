// Bytes as people write them: characters, and escapes for those that have none.
#pragma once

#include <string>
#include <string_view>

#include "proto/result.h"

namespace hubward::serial {

// `\r`, `\n`, `\t`, `\\` and `\xHH`; everything else in ASCII stands for itself, also control
// characters. Error ConfigInvalid: another escape, or a character that is not ASCII, whose bytes
// depend on a code page nobody named: write `\xHH`.
[[nodiscard]] Result<std::string> bytes_from_text(std::string_view text);

// The other way: printable ASCII as it is, the rest as escapes.
[[nodiscard]] std::string text_from_bytes(std::string_view bytes);

}  // namespace hubward::serial
