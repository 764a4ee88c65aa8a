#include "gateway/observe/store_sentence.h"

#include <doctest/doctest.h>

#include "gateway/api/store_words.h"

using namespace hubward;
using namespace hubward::observe;

TEST_CASE("the store's trouble is said in plain words, with what to do") {
  struct Row {
    const char* why;
    StoreStatus store;
    const char* sentence;
  };
  const Row rows[] = {
      {"all is well", {}, ""},
      {"a full disk, and memory helps out",
       {.health = StoreHealth::DiskFull, .memory_only = true, .memory_messages = 1204},
       " The disk is full: 1,204 messages are in memory only, and will be lost if the power fails. "
       "Free space on the disk of the state folder, or lower outbox.bytes_max."},
      {"a disk that fails, and messages are refused",
       {.health = StoreHealth::IoError},
       " The disk reports errors: new messages are not safe on the disk. Look at the machine's own "
       "log (dmesg) and replace the disk if it is at fault."},
      {"devices that are gone",
       {.removed_devices = 3, .removed_messages = 1204},
       " 3 devices no longer configured hold 1,204 messages."},
      {"one device that is gone",
       {.removed_devices = 1, .removed_messages = 1},
       " 1 device no longer configured holds 1 message."},
      {"a damaged store",
       {.set_aside = 1, .rescued_messages = 40},
       " A damaged store was set aside; 40 messages of it could be read."},
  };
  for (const Row& row : rows) {
    CAPTURE(row.why);
    CHECK(store_sentence(row.store) == row.sentence);
  }
}

TEST_CASE("every state of the store has words, and all but one say what to do") {
  for (const StoreWords& words : kStoreWords) {
    CAPTURE(words.label);
    CHECK(&words_for(words.health) == &words);
    CHECK_FALSE(words.name.empty());
    CHECK_FALSE(words.meaning.empty());
    CHECK(words.advice.empty() == (words.health == StoreHealth::Ready));
  }
}
