#include "proto/iso_time.h"

#include <algorithm>

namespace hubward {
namespace {

void append_digits(std::string& text, long long value, std::size_t width) {
  std::string digits = std::to_string(value);
  text.append(width - std::min(width, digits.size()), '0');
  text += digits;
}

}  // namespace

std::string to_iso8601(WallTime time) {
  using namespace std::chrono;
  constexpr WallTime kFirst{sys_days{year{0} / January / 1}};
  constexpr WallTime kLast{sys_days{year{10000} / January / 1} - milliseconds{1}};
  time = std::clamp(time, kFirst, kLast);

  const auto day = floor<days>(time);
  const year_month_day date{day};
  const hh_mm_ss clock{time - day};
  std::string text;
  text.reserve(24);
  append_digits(text, int{date.year()}, 4);
  text += '-';
  append_digits(text, unsigned{date.month()}, 2);
  text += '-';
  append_digits(text, unsigned{date.day()}, 2);
  text += 'T';
  append_digits(text, clock.hours().count(), 2);
  text += ':';
  append_digits(text, clock.minutes().count(), 2);
  text += ':';
  append_digits(text, clock.seconds().count(), 2);
  text += '.';
  append_digits(text, clock.subseconds().count(), 3);
  text += 'Z';
  return text;
}

}  // namespace hubward
