#include "gateway/api/failure_words.h"

#include <doctest/doctest.h>

#include <set>
#include <string>

using namespace hubward;

TEST_CASE("every failure has words of its own") {
  std::set<std::string_view> labels;
  for (auto code = ErrorCode::PortUnavailable; code <= ErrorCode::Stopped;
       code = static_cast<ErrorCode>(static_cast<int>(code) + 1)) {
    const FailureWords& words = words_for(code);
    CAPTURE(static_cast<int>(code));
    CHECK(words.code == code);
    CHECK_FALSE(words.name.empty());
    CHECK_FALSE(words.meaning.empty());
    CHECK(labels.insert(words.label).second);
    CHECK(words.label.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") == std::string_view::npos);
  }
}
