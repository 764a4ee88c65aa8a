#include "gateway/device/wish_answers.h"

#include <doctest/doctest.h>

using namespace hubward;
using namespace hubward::device;

namespace {

const WishAnswers::Property kSpeed{"", "speed"};

hub::DesiredProperty wished(std::string value, std::int64_t version) {
  return {"", "speed", std::move(value), version, {}};
}

}  // namespace

TEST_CASE("a long wish is remembered by its length and a hash") {
  CHECK(wish_mark("190") == "190");
  const std::string at_the_limit(WishAnswers::kMarkBytesMax, '1');
  CHECK(wish_mark(at_the_limit) == at_the_limit);
  const std::string longer = at_the_limit + "1";
  CHECK(wish_mark(longer).size() <= WishAnswers::kMarkBytesMax);
  CHECK(wish_mark(longer).front() == '#');
  CHECK(wish_mark(longer) == wish_mark(std::string(longer)));
  std::string other = longer;
  other[40] = '2';
  CHECK(wish_mark(other) != wish_mark(longer));
  CHECK(wish_mark(longer + "1") != wish_mark(longer));
  // It is on disk, so that it must not change with a version or a machine (FNV-1a, 64 bits).
  CHECK(wish_mark(std::string(65, 'a')) == "#65:8087e9a889f8a14c");
}

TEST_CASE("a description is cut at the end of a character") {
  WishAnswers answers;
  answers.take(wished("1", 7));
  const std::string text = std::string(WishAnswers::kDescriptionBytesMax - 1, 'x') + "\xc3\xa4";
  answers.answer(kSpeed, {hub::AckCode::Failed, 7, text});
  REQUIRE(answers.find(kSpeed) != nullptr);
  CHECK(answers.find(kSpeed)->ack.description ==
        std::string(WishAnswers::kDescriptionBytesMax - 1, 'x'));
}

TEST_CASE("what has changed is said once") {
  WishAnswers answers;
  CHECK_FALSE(answers.take_changed());
  answers.take(wished("1", 7));
  CHECK(answers.take_changed());
  CHECK_FALSE(answers.take_changed());
  answers.answer(kSpeed, {hub::AckCode::Done, 7, "written"});
  CHECK(answers.take_changed());
  // The same document again.
  CHECK_FALSE(answers.begin_whole(7));
  CHECK(answers.judge(wished("1", 7)) == WishAnswers::Verdict::Unheard);
  answers.end_whole();
  CHECK_FALSE(answers.take_changed());
  answers.withdraw(kSpeed);
  CHECK(answers.take_changed());
  answers.withdraw(kSpeed);
  CHECK_FALSE(answers.take_changed());
}

TEST_CASE("nothing is remembered of a wish that the twin does not have any more") {
  WishAnswers answers;
  answers.take(wished("1", 7));
  CHECK_FALSE(answers.begin_whole(8));
  answers.end_whole();
  CHECK(answers.find(kSpeed) == nullptr);
  CHECK(answers.all().by_property.empty());
}

TEST_CASE("a wish whose tag was taken out of the configuration for a while is remembered") {
  WishAnswers answers;
  answers.take(wished("1", 7));
  answers.answer(kSpeed, {hub::AckCode::Failed, 7, "no answer"});
  CHECK_FALSE(answers.begin_whole(8));
  answers.keep(wished("1", 8));
  answers.end_whole();
  CHECK(answers.find(kSpeed) != nullptr);
  // Another wish in between is nothing that was answered.
  CHECK_FALSE(answers.begin_whole(9));
  answers.keep(wished("2", 9));
  answers.end_whole();
  CHECK(answers.find(kSpeed) == nullptr);
}

TEST_CASE(
    "a process that dies between two hubs does not take the first one's answers for the second's") {
  WishAnswers answers;
  answers.on_link("hub-a.example/press-07");
  CHECK_FALSE(answers.begin_whole(7));
  answers.take(wished("1", 7));
  answers.end_whole();
  answers.on_link("hub-b.example/press-07");
  WishAnswers next;
  next.restore(answers.all());
  next.on_link("hub-b.example/press-07");
  CHECK(next.begin_whole(9));
  CHECK(next.judge(wished("1", 9)) == WishAnswers::Verdict::New);
}
