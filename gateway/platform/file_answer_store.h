#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <mutex>
#include <span>
#include <string>

#include "gateway/api/answer_store.h"
#include "gateway/api/clock.h"
#include "gateway/api/device_description.h"
#include "gateway/platform/state_file.h"

namespace hubward::platform {

// What became of desired properties, in memory and in one JSON file:
//
//   {"version":1,"devices":[{"device":"press-07","twin":"hub-a.example/press-07","answers":
//     [["hydraulics","targetPressure",9,"190",500,7,"No answer: unit 7"]]}]}
//
// An answer is component, name, version of the newest desired document that had the wish, the wish,
// code, version and words of the answer. Code 0: being written. No text of a wish: it was not
// written, and is new for the next look. Rows, because a large site has a hundred thousand of them.
// Without the file only what the twins tell is known.
class FileAnswerStore final : public AnswerStore {
 public:
  static constexpr std::size_t kFileBytesMax = 16 * 1024 * 1024;  // some 200,000 answers
  // A device that is taken out for repair comes back to its answers.
  static constexpr std::chrono::days kKeptWithoutDevice{30};

  // Reads the file: before the loops run. `clock` and `log` outlive the store.
  FileAnswerStore(std::string path, const Clock& clock, Log& log);

  // At a start, with all devices that there are: from the first start without it a device is
  // forgotten after a while, of which only a trusted clock knows.
  void expect(std::span<const DeviceDescription> devices);

  [[nodiscard]] std::optional<TwinAnswers> load(const std::string& registration_id) const override;
  void save(const std::string& registration_id, const TwinAnswers& answers) override;

 private:
  struct Kept {
    std::string json;          // as in the file: a third of the memory, and a write only joins
    std::int64_t gone_ms = 0;  // wall time of the first start without the device; 0: it is there
  };
  [[nodiscard]] bool parse(const std::string& text);
  [[nodiscard]] std::string as_json();

  const Clock& clock_;
  Log& log_;
  mutable std::mutex mutex_;
  std::map<std::string, Kept> by_registration_;  // guarded by mutex_
  bool too_many_ = false;                        // on the writing thread
  StateFile file_;                               // last: its thread uses the rest
};

}  // namespace hubward::platform
