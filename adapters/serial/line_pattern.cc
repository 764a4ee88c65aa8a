#include "adapters/serial/line_pattern.h"

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include <array>
#include <utility>

namespace hubward::serial {
namespace {

template <auto Free>
struct Deleter {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
template <class T, auto Free>
using Owned = std::unique_ptr<T, Deleter<Free>>;

// Lines are bytes, not UTF-8: devices speak whatever code page they like. \C and UTF switches
// inside a pattern are refused.
constexpr std::uint32_t kOptions =
    PCRE2_ANCHORED | PCRE2_NEVER_UTF | PCRE2_NEVER_UCP | PCRE2_NEVER_BACKSLASH_C;
constexpr std::uint32_t kNestedGroupsMax = 50;

std::string words(int code) {
  std::array<PCRE2_UCHAR, 256> text{};
  pcre2_get_error_message(code, text.data(), text.size());
  return reinterpret_cast<const char*>(text.data());
}

tl::unexpected<Error> bad_pattern(std::string why) {
  return failure(ErrorCode::ConfigInvalid, ErrorKind::Permanent, std::move(why));
}

}  // namespace

struct LinePattern::Compiled {
  Owned<pcre2_code, pcre2_code_free> code;
  Owned<pcre2_match_data, pcre2_match_data_free> data;
  Owned<pcre2_match_context, pcre2_match_context_free> limits;
};

LinePattern::LinePattern(std::unique_ptr<Compiled> compiled) : compiled_(std::move(compiled)) {}
LinePattern::LinePattern(LinePattern&& other) noexcept = default;
LinePattern& LinePattern::operator=(LinePattern&& other) noexcept = default;
LinePattern::~LinePattern() = default;

Result<LinePattern> LinePattern::compile(std::string_view pattern, Covers covers) {
  if (pattern.empty()) return bad_pattern("the pattern is empty");
  if (pattern.size() > kPatternBytesMax) return bad_pattern("the pattern is over 4096 bytes long");
  const Owned<pcre2_compile_context, pcre2_compile_context_free> context(
      pcre2_compile_context_create(nullptr));
  pcre2_set_parens_nest_limit(context.get(), kNestedGroupsMax);
  const std::uint32_t options =
      covers == Covers::WholeLine ? kOptions | PCRE2_ENDANCHORED : kOptions;
  int code = 0;
  PCRE2_SIZE offset = 0;
  auto compiled = std::make_unique<Compiled>();
  compiled->code.reset(pcre2_compile(reinterpret_cast<PCRE2_SPTR>(pattern.data()), pattern.size(),
                                     options, &code, &offset, context.get()));
  if (!compiled->code) {
    return bad_pattern("at character " + std::to_string(offset + 1) + ": " + words(code));
  }
  compiled->data.reset(pcre2_match_data_create_from_pattern(compiled->code.get(), nullptr));
  compiled->limits.reset(pcre2_match_context_create(nullptr));
  if (!compiled->data || !compiled->limits) return bad_pattern("not enough memory");
  pcre2_set_match_limit(compiled->limits.get(), kMatchStepsMax);
  pcre2_set_depth_limit(compiled->limits.get(), kMatchStepsMax);
  pcre2_set_heap_limit(compiled->limits.get(), kMatchHeapKibMax);
  return LinePattern(std::move(compiled));
}

std::optional<std::uint32_t> LinePattern::group(const std::string& name) const {
  const int number = pcre2_substring_number_from_name(compiled_->code.get(),
                                                      reinterpret_cast<PCRE2_SPTR>(name.c_str()));
  if (number <= 0) return std::nullopt;
  return static_cast<std::uint32_t>(number);
}

std::size_t LinePattern::least_bytes() const {
  std::uint32_t least = 0;
  pcre2_pattern_info(compiled_->code.get(), PCRE2_INFO_MINLENGTH, &least);
  return least;
}

Result<bool> LinePattern::match(std::string_view line) {
  line_ = line;
  const int outcome =
      pcre2_match(compiled_->code.get(), reinterpret_cast<PCRE2_SPTR>(line.data()), line.size(), 0,
                  0, compiled_->data.get(), compiled_->limits.get());
  if (outcome >= 0) return true;
  if (outcome == PCRE2_ERROR_NOMATCH) return false;
  return failure(ErrorCode::LimitExceeded, ErrorKind::Corrupt, "pattern: " + words(outcome));
}

std::optional<std::string_view> LinePattern::captured(std::uint32_t group) const {
  if (group >= pcre2_get_ovector_count(compiled_->data.get())) return std::nullopt;
  const PCRE2_SIZE* bounds = pcre2_get_ovector_pointer(compiled_->data.get());
  const PCRE2_SIZE begin = bounds[2 * group];
  const PCRE2_SIZE end = bounds[2 * group + 1];
  // With \K in a lookahead an end may lie before its beginning.
  if (begin == PCRE2_UNSET || end < begin || end > line_.size()) return std::nullopt;
  return line_.substr(begin, end - begin);
}

}  // namespace hubward::serial
