#include "proto/iso_time.h"

#include <algorithm>

namespace hubward {
namespace {

void append_digits(std::string& text, long long value, std::size_t width) {
  const std::size_t end = text.size() + width;
  text.append(width, '0');
  for (std::size_t place = end; value > 0 && place > end - width; value /= 10) {
    text[--place] = static_cast<char>('0' + value % 10);
  }
}

// Takes `width` digits and then `after` (0: nothing) from the front of `text`.
std::optional<int> take_number(std::string_view& text, std::size_t width, char after) {
  const std::size_t length = width + (after == 0 ? 0 : 1);
  if (text.size() < length || (after != 0 && text[width] != after)) return std::nullopt;
  int value = 0;
  for (const char digit : text.substr(0, width)) {
    if (digit < '0' || digit > '9') return std::nullopt;
    value = value * 10 + (digit - '0');
  }
  text.remove_prefix(length);
  return value;
}

// `.125`, `.12` or `.1234567`, taken from the front of `text`; zero if there is no point.
std::optional<std::chrono::milliseconds> take_fraction(std::string_view& text) {
  if (!text.starts_with('.')) return std::chrono::milliseconds{0};
  text.remove_prefix(1);
  int milliseconds = 0;
  int weight = 100;
  std::size_t digits = 0;
  for (; digits < text.size() && text[digits] >= '0' && text[digits] <= '9'; ++digits) {
    milliseconds += (text[digits] - '0') * weight;
    weight /= 10;
  }
  if (digits == 0) return std::nullopt;
  text.remove_prefix(digits);
  return std::chrono::milliseconds{milliseconds};
}

}  // namespace

std::optional<WallTime> parse_iso8601(std::string_view text) {
  using namespace std::chrono;
  const auto written_year = take_number(text, 4, '-');
  const auto written_month = take_number(text, 2, '-');
  const auto written_day = take_number(text, 2, 'T');
  const auto hour = take_number(text, 2, ':');
  const auto minute = take_number(text, 2, ':');
  const auto second = take_number(text, 2, 0);
  const auto fraction = take_fraction(text);
  if (!written_year || !written_month || !written_day || !hour || !minute || !second || !fraction) {
    return std::nullopt;
  }
  if (!text.empty() && text != "Z" && text != "+00:00") return std::nullopt;
  const year_month_day date{year{*written_year}, month{static_cast<unsigned>(*written_month)},
                            day{static_cast<unsigned>(*written_day)}};
  // A leap second is written as second 60.
  if (*written_year < 1970 || !date.ok() || *hour > 23 || *minute > 59 || *second > 60) {
    return std::nullopt;
  }
  return WallTime{sys_days{date}} + hours{*hour} + minutes{*minute} + seconds{*second} + *fraction;
}

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
