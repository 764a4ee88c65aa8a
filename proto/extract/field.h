// The text of one field of a line to a value.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "proto/result.h"

namespace hubward::extract {

// How a device prints numbers.
struct NumberForm {
  bool decimal_comma = false;  // and then no point
  // What has to follow the number; empty: nothing may. kAnyUnit: what follows is dropped.
  std::string unit{};
};
inline constexpr std::string_view kAnyUnit = "*";

// Decimal numbers as scales, meters and gauges print them: spaces around the number and between
// sign and digits, leading zeros, a leading plus, `.` as decimal point, an exponent. Not: thousands
// apart, hexadecimal, infinity, NaN, anything left over that is no unit of the form. Error
// BadValue, also for another unit than the form's: it is another quantity.
[[nodiscard]] Result<double> parse_number(std::string_view text, const NumberForm& form = {});

// The same without decimal point and exponent. A value below -2^63 or over 2^63 - 1 is BadValue.
[[nodiscard]] Result<std::int64_t> parse_integer(std::string_view text,
                                                 const NumberForm& form = {});

// Hexadecimal digits, at most 16, of a value up to 2^63 - 1.
[[nodiscard]] Result<std::int64_t> parse_hex(std::string_view text);

// 1, true, on, yes, or 0, false, off, no, in any case.
[[nodiscard]] Result<bool> parse_boolean(std::string_view text);

// Degrees and minutes as NMEA 0183 has them, `ddmm.mmm` or `dddmm.mmm`, to degrees. N, E, S or W
// may follow, behind a comma or blanks; S and W are negative.
[[nodiscard]] Result<double> parse_degrees_minutes(std::string_view text);

// Without the spaces around it; every byte that is not printable ASCII becomes `?`, so that what a
// device says can be put into JSON, a log or a page.
[[nodiscard]] std::string printable_text(std::string_view text);

}  // namespace hubward::extract
