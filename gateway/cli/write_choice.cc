#include "gateway/cli/write_choice.h"

namespace hubward::cli {
namespace {

bool covers(const modbus::TagSettings& tag, const WriteSpan& span) {
  const auto begin = std::uint32_t{span.address.address};
  return tag.table == span.address.table && tag.address < begin + span.width &&
         begin < std::uint32_t{tag.address} + modbus::width(tag);
}

std::string names_of(const std::vector<const KnownTag*>& tags) {
  std::string names;
  for (const KnownTag* tag : tags) names += (names.empty() ? "" : ", ") + full_name(tag->what);
  return names;
}

}  // namespace

WriteChoice choose_write(const std::vector<KnownTag>& tags, const WriteSpan& span) {
  std::vector<const KnownTag*> read_only;
  std::vector<const KnownTag*> writable;
  std::vector<const KnownTag*> here;  // of these, where they begin at the address
  for (const KnownTag& tag : tags) {
    if (!covers(tag.where, span)) continue;
    (tag.what.writable ? writable : read_only).push_back(&tag);
    if (tag.what.writable && tag.where.address == span.address.address) here.push_back(&tag);
  }
  const std::string at = to_text(span.address);
  if (writable.empty()) {
    if (span.unlisted) return {};
    const std::string what = read_only.empty()
                                 ? "no writable tag of the configuration covers " + at
                                 : at + " belongs to " + names_of(read_only) +
                                       ", which the configuration does not mark as writable";
    return {nullptr, what + "; --unlisted writes it all the same, and nothing is checked"};
  }
  const std::string names = names_of(writable);
  if (span.unlisted) {
    return {nullptr, at + " belongs to the writable tag " + names +
                         ", whose limits hold; write it without --unlisted"};
  }
  if (here.size() != 1 || writable.size() != 1) {
    return {nullptr, at + " does not name one writable tag (" + names +
                         "); write a tag by its name, with --device"};
  }
  if (span.has_format) {
    return {nullptr, at + " is the tag " + names +
                         ", whose type stands in the configuration; leave out --type and orders"};
  }
  return {here.front(), {}};
}

WriteChoice choose_write_to_all(const std::vector<KnownTag>& tags, const WriteSpan& span) {
  const std::string at = to_text(span.address);
  const KnownTag* limited = nullptr;
  for (const KnownTag& tag : tags) {
    if (!tag.what.writable || !covers(tag.where, span)) continue;
    if (!tag.where.broadcast || tag.where.address != span.address.address) {
      limited = &tag;
      continue;
    }
    if (!span.unlisted && !span.has_format) return {&tag, {}};
    return {nullptr, at + " is the tag " + full_name(tag.what) + " of " + tag.device +
                         ", which goes to all units; leave out --unlisted, --type and orders"};
  }
  if (limited != nullptr) {
    return {nullptr, at + " belongs to the writable tag " + full_name(limited->what) + " of " +
                         limited->device +
                         ", whose limits hold; a tag with \"broadcast\" is written to all units"};
  }
  if (span.unlisted) return {};
  return {nullptr, "no tag with \"broadcast\" begins at " + at +
                       "; --unlisted writes it all the same to all units, and nothing is checked"};
}

}  // namespace hubward::cli
