// Which desired properties of a device were answered, and how: over reconnects, restarts, and moves
// to another twin.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "gateway/api/answer_store.h"
#include "proto/hub/twin.h"

namespace hubward::device {

// What is remembered of a wish: its text, or of a long one its length and a hash.
[[nodiscard]] std::string wish_mark(std::string_view json);

// Pure; one per device, for the device's life.
class WishAnswers {
 public:
  static constexpr std::size_t kMarkBytesMax = 64;
  static constexpr std::size_t kDescriptionBytesMax = 256;
  using Property = TwinAnswers::Property;

  // Of an earlier run. What was under way when it ended may or may not have been written: nobody
  // knows any more, and that is its answer.
  void restore(TwinAnswers answers);

  // "{assigned hub}/{device id}" of a link that stands now; its whole document is next.
  void on_link(std::string twin);
  // Begins and ends the look at a whole document; judge() and keep() only in between. Begin tells
  // whether it is another twin's than the last one: the device was moved, or its twin made anew.
  [[nodiscard]] bool begin_whole(std::int64_t version);
  void end_whole();

  enum class Verdict : std::uint8_t {
    New,
    Answered,
    Unheard,  // answered, but the twin does not have the answer
  };
  [[nodiscard]] Verdict judge(const hub::DesiredProperty& property);
  // A wish that is not ours to answer, as long as no tag has that name.
  void keep(const hub::DesiredProperty& property);

  void take(const hub::DesiredProperty& property);
  void answer(const Property& property, const hub::Acknowledgement& ack);
  // Surely not written, for no reason of its own: the next look takes it as new. That it was here
  // is still known, lest an older answer in the twin pass for its own.
  void put_back(const Property& property, const std::string& why);
  void take_again(const Property& property, std::string_view json);
  // Of a name of the root also all that is in a component of that name.
  void withdraw(const Property& property);
  [[nodiscard]] const WishAnswer* find(const Property& property) const;

  // True once after each change.
  [[nodiscard]] bool take_changed() { return std::exchange(changed_, false); }
  [[nodiscard]] const TwinAnswers& all() const { return answers_; }

 private:
  void see(WishAnswer& answer);
  [[nodiscard]] bool is_heard(WishAnswer& answer,
                              const std::optional<hub::ReportedAnswer>& reported);

  TwinAnswers answers_;
  std::int64_t version_ = 0;  // of the whole document that is looked at
  bool moved_ = false;        // to another twin, whose document has not been seen yet
  bool other_twin_ = false;   // the document is not of the twin that was answered
  bool changed_ = false;
};

}  // namespace hubward::device
