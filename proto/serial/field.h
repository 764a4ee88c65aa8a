// The text of one field of a line to a value.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "proto/result.h"

namespace hubward::serial {

// Decimal numbers as scales, meters and gauges print them: spaces around the number and between
// sign and digits, leading zeros, a leading plus, `.` as decimal point, an exponent. Not: commas,
// hexadecimal, infinity, NaN, anything left over. Error BadValue.
[[nodiscard]] Result<double> parse_number(std::string_view text);

// The same without decimal point and exponent. A value below -2^63 or over 2^63 - 1 is BadValue.
[[nodiscard]] Result<std::int64_t> parse_integer(std::string_view text);

// Without the spaces around it; every byte that is not printable ASCII becomes `?`, so that what a
// device says can be put into JSON, a log or a page.
[[nodiscard]] std::string printable_text(std::string_view text);

}  // namespace hubward::serial
