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

}  // namespace hubward::cli
