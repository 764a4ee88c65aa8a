#include "gateway/device/wish_answers.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

#include "gateway/api/failure_words.h"

namespace hubward::device {
namespace {

// Above every version that a document can have: of a twin that is not ours any more.
constexpr std::int64_t kOfAnotherTwin = std::numeric_limits<std::int64_t>::max();

// FNV-1a, 64 bits. Not against malice: who may write desired properties need not trick us into
// leaving one out.
std::uint64_t hash_of(std::string_view text) {
  std::uint64_t hash = 0xcbf29ce484222325U;
  for (const char c : text) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001b3U;
  }
  return hash;
}

// At a character's end.
std::string bounded(std::string text, std::size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  while (bytes_max > 0 && (static_cast<unsigned char>(text[bytes_max]) & 0xC0U) == 0x80U) {
    --bytes_max;
  }
  text.resize(bytes_max);
  return text;
}

hub::Acknowledgement bounded(hub::Acknowledgement ack) {
  ack.description = bounded(std::move(ack.description), WishAnswers::kDescriptionBytesMax);
  return ack;
}

}  // namespace

std::string wish_mark(std::string_view json) {
  if (json.size() <= WishAnswers::kMarkBytesMax) return std::string(json);
  std::array<char, 16> digits{};
  const auto end =
      std::to_chars(digits.data(), digits.data() + digits.size(), hash_of(json), 16).ptr;
  // No JSON text begins like this.
  return "#" + std::to_string(json.size()) + ":" + std::string(digits.data(), end);
}

void WishAnswers::restore(TwinAnswers answers) {
  answers_ = std::move(answers);
  for (auto& [property, answer] : answers_.by_property) {
    if (!std::exchange(answer.under_way, false)) continue;
    answer.ack.code = hub::AckCode::Failed;
    answer.ack.description = std::string(words_for(ErrorCode::WriteOutcomeUnknown).name) +
                             ": hubward ended before it knew; not written again";
    changed_ = true;
  }
}

void WishAnswers::on_link(std::string twin) {
  if (answers_.twin == twin) return;
  if (!answers_.twin.empty()) {
    moved_ = true;
    for (auto& [property, answer] : answers_.by_property) answer.version = kOfAnotherTwin;
  }
  answers_.twin = std::move(twin);
}

bool WishAnswers::begin_whole(std::int64_t version) {
  version_ = version;
  other_twin_ = std::exchange(moved_, false) ||
                std::any_of(answers_.by_property.begin(), answers_.by_property.end(),
                            [version](const auto& one) { return one.second.version > version; });
  return other_twin_;
}

// What the document does not wish any more is no wish that was answered.
void WishAnswers::end_whole() {
  const auto gone = std::erase_if(
      answers_.by_property, [this](const auto& one) { return one.second.version != version_; });
  if (gone > 0) changed_ = true;
}

WishAnswers::Verdict WishAnswers::judge(const hub::DesiredProperty& property) {
  const auto& reported = property.answered;
  const auto found = answers_.by_property.find({property.component, property.name});
  if (found != answers_.by_property.end()) {
    WishAnswer& answer = found->second;
    // A twin that is carried over to another hub brings our answer along. Without it the wish is a
    // new one, even if it is the same. In the twin that we know a later answer than ours is of
    // somebody who took our place for a while; one later than the document came with it, too.
    const bool holds = other_twin_ ? reported && reported->ack.version == answer.ack.version
                                   : !reported || reported->ack.version <= answer.ack.version ||
                                         reported->ack.version > version_;
    if (holds) {
      if (answer.wish != wish_mark(property.value)) return Verdict::New;
      see(answer);
      return is_heard(answer, reported) ? Verdict::Answered : Verdict::Unheard;
    }
  }
  if (!reported) return Verdict::New;
  // Answered by an earlier run that left us nothing else, or no need to: it was so already.
  if (reported->ack.version != property.version && reported->value != property.value) {
    return Verdict::New;
  }
  answers_.by_property[{property.component, property.name}] = {version_, wish_mark(property.value),
                                                               bounded(reported->ack), false};
  changed_ = true;
  return Verdict::Answered;
}

bool WishAnswers::is_heard(WishAnswer& answer, const std::optional<hub::ReportedAnswer>& reported) {
  if (answer.under_way) return true;  // it will be
  if (!reported || reported->ack.version != answer.ack.version) return false;
  if (reported->ack.code == answer.ack.code) return true;
  if (reported->ack.code == hub::AckCode::InProgress) return false;
  // An answer that got there, while the disk did not get it before the power failed.
  answer.ack = bounded(reported->ack);
  changed_ = true;
  return true;
}

void WishAnswers::keep(const hub::DesiredProperty& property) {
  const auto found = answers_.by_property.find({property.component, property.name});
  if (found == answers_.by_property.end() || other_twin_) return;
  if (found->second.wish == wish_mark(property.value)) see(found->second);
}

void WishAnswers::see(WishAnswer& answer) {
  if (answer.version == version_) return;
  answer.version = version_;
  changed_ = true;
}

void WishAnswers::take(const hub::DesiredProperty& property) {
  answers_.by_property[{property.component, property.name}] = {
      property.version,
      wish_mark(property.value),
      {hub::AckCode::InProgress, property.version, {}},
      true};
  changed_ = true;
}

void WishAnswers::answer(const Property& property, const hub::Acknowledgement& ack) {
  const auto found = answers_.by_property.find(property);
  if (found == answers_.by_property.end()) return;
  found->second.ack = bounded(ack);
  found->second.under_way = false;
  changed_ = true;
}

void WishAnswers::put_back(const Property& property, const std::string& why) {
  const auto found = answers_.by_property.find(property);
  if (found == answers_.by_property.end()) return;
  WishAnswer& answer = found->second;
  answer.wish.clear();  // no JSON text: whatever is wished is another wish
  answer.ack = bounded({hub::AckCode::InProgress, answer.ack.version, why});
  answer.under_way = false;
  changed_ = true;
}

void WishAnswers::take_again(const Property& property, std::string_view json) {
  const auto found = answers_.by_property.find(property);
  if (found == answers_.by_property.end()) return;
  WishAnswer& answer = found->second;
  answer.wish = wish_mark(json);
  answer.ack.description.clear();
  answer.under_way = true;
  changed_ = true;
}

void WishAnswers::withdraw(const Property& property) {
  const auto gone = std::erase_if(answers_.by_property, [&property](const auto& one) {
    return one.first == property || (property.first.empty() && one.first.first == property.second);
  });
  if (gone > 0) changed_ = true;
}

const WishAnswer* WishAnswers::find(const Property& property) const {
  const auto found = answers_.by_property.find(property);
  return found == answers_.by_property.end() ? nullptr : &found->second;
}

}  // namespace hubward::device
