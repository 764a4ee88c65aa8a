// One device on a serial line: its frames, its readings, its commands. It knows no port.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "adapters/serial/frame_extractor.h"
#include "adapters/serial/settings.h"
#include "gateway/api/southbound.h"
#include "proto/serial/command.h"
#include "proto/serial/framer.h"

namespace hubward::serial {

// One thread.
class LineDevice {
 public:
  // A command to be put on the wire, and how its answer is judged.
  struct Command {
    std::string bytes;
    LinePattern* confirmed = nullptr;  // of this device; nullptr: nothing confirms it
    LinePattern* refused = nullptr;
    std::chrono::milliseconds timeout{};
  };

  // Error ConfigInvalid: frames cannot be told apart so, a template or pattern is none, or as
  // FrameExtractor::make().
  [[nodiscard]] static Result<std::unique_ptr<LineDevice>> make(DeviceSettings settings);

  [[nodiscard]] const DeviceSettings& settings() const { return settings_; }
  Framer& framer() { return framer_; }
  FrameExtractor& extractor() { return extractor_; }
  [[nodiscard]] const std::string& request(std::size_t place) const { return requests_[place]; }

  // Errors NotWritable, BadValue, OutOfRange.
  [[nodiscard]] Result<Command> command(TagIndex tag, const TagValue& value);

  // The state that was told last, so that changes are told and repetitions are not.
  std::optional<FieldState> reported;

 private:
  struct Write {
    TagSettings settings;
    CommandTemplate send;
    std::optional<LinePattern> confirmed;
    std::optional<LinePattern> refused;
  };
  LineDevice(DeviceSettings settings, FrameExtractor extractor)
      : settings_(std::move(settings)),
        framer_(settings_.frames),
        extractor_(std::move(extractor)) {}
  Status add_write(const TagSettings& tag);

  const DeviceSettings settings_;
  Framer framer_;
  FrameExtractor extractor_;
  std::vector<std::string> requests_;  // the bytes of each
  std::vector<Write> writes_;
};

}  // namespace hubward::serial
