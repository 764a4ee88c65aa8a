// Which byte of a number comes first on the wire.
#pragma once

#include <cstdint>

namespace hubward::extract {

enum class ByteOrder : std::uint8_t { HighFirst, LowFirst };

}  // namespace hubward::extract
