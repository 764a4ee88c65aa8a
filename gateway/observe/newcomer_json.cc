#include "gateway/observe/newcomer_json.h"

#include <algorithm>
#include <vector>

#include "gateway/observe/json_fields.h"
#include "gateway/observe/plain_words.h"

namespace hubward::observe {
void write_newcomers(json::Writer& out, const NewcomersStatus& newcomers,
                     const NewcomerLimits& limits) {
  out.StartObject();
  out.Key("expected");
  out.Bool(newcomers.expected);
  number(out, "waiting", newcomers.waiting.size());
  out.Key("refused");
  out.StartArray();
  for (std::size_t i = 0; i < std::min(limits.devices, newcomers.refused.size()); ++i) {
    out.String(shown_text(newcomers.refused[i]));
  }
  out.EndArray();
  if (limits.counts) number(out, "messages", newcomers.messages);
  number(out, "evicted", newcomers.evicted);
  std::vector<const Newcomer*> longest;
  longest.reserve(newcomers.waiting.size());
  for (const Newcomer& one : newcomers.waiting) longest.push_back(&one);
  std::stable_sort(longest.begin(), longest.end(),
                   [](const Newcomer* a, const Newcomer* b) { return a->first < b->first; });
  longest.resize(std::min(limits.devices, longest.size()));
  out.Key("devices");
  out.StartArray();
  for (const Newcomer* one : longest) {
    out.StartObject();
    text(out, "name", shown_text(one->name));
    text(out, "rule", one->rule);
    text(out, "topic", shown_text(one->topic));
    text(out, "problem", shown_text(one->problem));
    out.Key("approved");
    out.Bool(one->approved);
    time(out, "first_ms", one->first);
    if (limits.counts) {
      number(out, "messages", one->messages);
      text(out, "sample", shown_text(one->sample));
      time(out, "last_ms", one->last);
    }
    out.EndObject();
  }
  out.EndArray();
  out.EndObject();
}

}  // namespace hubward::observe
