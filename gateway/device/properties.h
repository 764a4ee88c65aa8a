// The device's side of its twin: what is reported, what was wished, what became of the wish.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gateway/api/device_description.h"
#include "gateway/api/southbound.h"
#include "gateway/device/wish_answers.h"
#include "proto/hub/twin.h"
#include "proto/time.h"

namespace hubward::device {

// A desired value that the plant shall take.
struct Wish {
  TagIndex tag;
  TagValue value;
  std::string json;  // as the cloud wrote it
  std::int64_t version = 0;
  std::string before;  // the value that was reported last, as JSON text; empty: none
};

// Pure; one per device, for the device's life.
class Properties {
 public:
  explicit Properties(const DeviceDescription& device);

  // Values of property tags are reported when they change.
  void on_reading(const TagReading& reading);

  // After every connect the whole twin, then patches. What cannot be written is refused at once (it
  // becomes a report); the rest is returned and answered with on_written().
  // A wish that was answered before, by this or an earlier run, is not written again; it is
  // answered again where the twin does not have the answer. In a twin that begins anew, or of
  // another hub, every wish is a new one.
  // A wish of a tag with `wish_age_max` that is new in the whole twin was made at some time while
  // we were not in step with the cloud; was that too long ago, it is refused.
  [[nodiscard]] std::vector<Wish> on_twin(const hub::Twin& twin, SteadyTime now);
  [[nodiscard]] std::vector<Wish> on_patch(const hub::DesiredProperties& desired);
  // Since then the cloud may have wished what we did not hear.
  void on_away(SteadyTime since) { in_step_till_ = since; }
  // What was not written because hubward stops gets no answer: it is new for the next run.
  void on_written(const Wish& wish, const WriteResult& result);
  // Not written yet, and will be tried again; should this run end first, it is new for the next.
  void on_waiting(const Wish& wish, const std::string& why);
  // It is written now. False: it was replaced or withdrawn, or is written already.
  [[nodiscard]] bool try_again(const Wish& wish);

  // The next patch to send, if anything is to be reported and none is under way.
  [[nodiscard]] std::optional<std::string> take_report();
  void report_accepted();
  [[nodiscard]] bool has_report() const { return !pending_.empty() && under_way_.empty(); }
  // Not taken (throttled, link lost): will be part of the next one.
  void report_failed();
  // Not to be sent again unchanged (400, 413).
  void report_refused();

  [[nodiscard]] const std::vector<std::string>& components() const { return components_; }
  // What an earlier run remembered, and what the next one shall.
  [[nodiscard]] WishAnswers& answers() { return answers_; }

 private:
  using Key = WishAnswers::Property;
  [[nodiscard]] std::optional<TagIndex> find(const hub::DesiredProperty& property) const;
  [[nodiscard]] std::optional<Wish> take(const hub::DesiredProperty& property, TagIndex index,
                                         bool is_too_old);
  [[nodiscard]] bool too_old(const TagDescription& tag) const;
  void answer_again(const hub::DesiredProperty& property, TagIndex index);
  void report_all();
  void report(const TagDescription& tag, std::string value,
              std::optional<hub::Acknowledgement> ack);
  // The wish of that property that we heard last.
  [[nodiscard]] bool stands(const Wish& wish) const;
  [[nodiscard]] Key key_of(const Wish& wish) const;
  [[nodiscard]] hub::Acknowledgement standing_ack(const Key& key) const;

  const DeviceDescription& device_;
  std::vector<std::string> components_;
  std::optional<SteadyTime> in_step_till_;  // absent: not yet in this run
  SteadyTime twin_at_{};                    // of the twin that is looked at
  std::vector<std::string> last_values_;    // of the plant: JSON text by tag, empty: none yet
  WishAnswers answers_;
  std::map<Key, hub::ReportedProperty> pending_;
  std::map<Key, hub::ReportedProperty> under_way_;
};

}  // namespace hubward::device
