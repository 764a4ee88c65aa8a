#include "gateway/observe/store_sentence.h"

#include "gateway/api/store_words.h"
#include "gateway/observe/plain_words.h"

namespace hubward::observe {

bool store_fails(const StoreStatus& store) {
  return store.health != StoreHealth::Ready || store.memory_only;
}

std::string store_sentence(const StoreStatus& store) {
  std::string words;
  if (store_fails(store)) {
    const StoreWords& trouble = words_for(store.health);
    words = " " + std::string(trouble.name);
    if (store.memory_only) {
      words += ": " + counted(store.memory_messages, "message is", "messages are") +
               " in memory only, and will be lost if the power fails.";
    } else {
      words += ": new messages are not safe on the disk.";
    }
    if (!trouble.advice.empty()) words += " " + std::string(trouble.advice);
  }
  if (store.set_aside > 0) {
    words += store.set_aside == 1
                 ? " A damaged store was set aside"
                 : " " + count_words(store.set_aside) + " damaged stores were set aside";
    words +=
        "; " + counted(store.rescued_messages, "message", "messages") + " of it could be read.";
  }
  if (store.removed_messages > 0) {
    words += " " + counted(store.removed_devices, "device", "devices") + " no longer configured " +
             (store.removed_devices == 1 ? "holds " : "hold ") +
             counted(store.removed_messages, "message", "messages") + ".";
  }
  return words;
}

}  // namespace hubward::observe
