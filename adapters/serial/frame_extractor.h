// The content of one frame to the readings of its tags.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "adapters/serial/line_pattern.h"
#include "adapters/serial/settings.h"

namespace hubward::serial {

// One thread.
class FrameExtractor {
 public:
  // Error ConfigInvalid: a pattern is none, a tag names a group that it does not have, or a JSON
  // Pointer is none.
  [[nodiscard]] static Result<FrameExtractor> make(const DeviceSettings& settings);

  FrameExtractor(FrameExtractor&& other) noexcept;
  ~FrameExtractor();

  // `request` is which one it answers, if any. In the order of the tags. A tag of another
  // request or whose `when` does not match has none, nor one whose group took
  // no part in the match or whose JSON Pointer leads nowhere. A field that is not there, is no
  // number or has another unit gives its tag a Bad reading; the others stay good. Nothing: the
  // content is to be ignored, or it was the header of columns. Error BadPayload: no tag got
  // anything from it. LimitExceeded: matching was given up.
  [[nodiscard]] Result<std::vector<TagReading>> extract(
      std::string_view content, std::optional<std::size_t> request = std::nullopt);

 private:
  struct Field;
  class Look;  // at one frame
  FrameExtractor();

  std::optional<LinePattern> pattern_;
  std::optional<LinePattern> ignore_;
  CsvForm csv_;
  std::vector<Field> fields_;
  std::map<std::string, std::size_t> header_;  // the place of a column by its name
  std::vector<std::string> names_;             // that make a line the header
};

}  // namespace hubward::serial
