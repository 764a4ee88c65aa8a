// Answers that one device's request had in a row, on a line where they do not say whose they are.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace hubward::serial {

// An answer that came alone may be the late one of another device, if the one that was asked is
// silent just then. Each that is owed can come once: so the same request is asked again, until more
// answers have come than others owe. Pure.
class AnswerRow {
 public:
  // What others may still say: so many answers, some of them of devices that live.
  struct Owed {
    std::size_t answers = 0;
    bool by_living = false;
  };
  enum class Verdict : std::uint8_t {
    Believed,
    AskAgain,
    // More have come than others owe, but which are the device's own nobody knows.
    Unclear,
  };

  // While one could come the device's answer came alone. `lives`: it has answered the last time.
  [[nodiscard]] Verdict came_alone(std::string_view content, Owed owed, bool lives) {
    owed_.answers = std::max(owed_.answers, owed.answers);
    owed_.by_living |= owed.by_living;
    ++answers_;
    same_ = content == content_ ? same_ + 1 : 1;
    content_ = content;
    if (same_ > owed_.answers) return Verdict::Believed;
    // Who lived a moment ago and is late will come; who has been silent for long hardly will just
    // now. A line may have silent ones at all times, so that of those no more is asked for.
    const bool enough = lives || answers_ > owed_.answers;
    if (!owed_.by_living && enough) return Verdict::Believed;
    return answers_ > owed_.answers ? Verdict::Unclear : Verdict::AskAgain;
  }

  // The last one; nothing before the first.
  [[nodiscard]] std::optional<std::string_view> content() const {
    if (answers_ == 0) return std::nullopt;
    return content_;
  }

 private:
  Owed owed_;
  std::size_t answers_ = 0;
  std::size_t same_ = 0;  // of the last ones
  std::string content_;
};

}  // namespace hubward::serial
