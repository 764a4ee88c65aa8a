#include "gateway/config/serial_part.h"

#include <utility>

#include "adapters/serial/line_pattern.h"
#include "proto/serial/escapes.h"

namespace hubward::config {
namespace {

std::string bytes_at(const std::string& text, const std::string& pointer, FileReport& report) {
  auto bytes = serial::bytes_from_text(text);
  if (bytes) return std::move(*bytes);
  if (report.clean(pointer)) {
    report.error(pointer, "bytes", quoted(text) + " are no bytes: " + bytes.error().context);
  }
  return "";
}

char byte_at(const std::string& text, const std::string& pointer, FileReport& report) {
  const std::string bytes = bytes_at(text, pointer, report);
  if (bytes.size() == 1) return bytes.front();
  if (report.clean(pointer)) {
    report.error(pointer, "bytes", quoted(text) + " is not one byte; it should be");
  }
  return 0;
}

void set_framing(const FramingFields& fields, const std::string& at, FileReport& report,
                 serial::FrameSettings& frames) {
  if (const auto& marks = fields.delimited) {
    frames.framing = serial::Delimited{bytes_at(marks->start, at + "/delimited/start", report),
                                       bytes_at(marks->end, at + "/delimited/end", report),
                                       marks->bytes_after_end};
  } else if (const auto& fixed = fields.fixed) {
    frames.framing =
        serial::FixedLength{bytes_at(fixed->start, at + "/fixed/start", report), fixed->bytes};
  } else if (const auto& length = fields.length) {
    frames.framing = serial::LengthPrefixed{bytes_at(length->start, at + "/length/start", report),
                                            length->offset,
                                            length->width,
                                            length->byte_order,
                                            length->counts,
                                            length->add};
  } else if (const auto& stuffed = fields.stuffed) {
    frames.framing = serial::Stuffed{byte_at(stuffed->escape, at + "/stuffed/escape", report),
                                     byte_at(stuffed->start, at + "/stuffed/start", report),
                                     byte_at(stuffed->end, at + "/stuffed/end", report),
                                     stuffed->marks_escaped,
                                     stuffed->escape_xor,
                                     stuffed->bytes_after_end};
  } else if (fields.gap) {
    frames.framing = serial::Gap{*fields.gap};
  }
}

std::string group_of(const TagFields& tag) { return tag.group.empty() ? tag.name : tag.group; }

void check_groups(const DeviceFile& file, const std::string& pattern_pointer, FileReport& report,
                  const std::string& pattern) {
  if (!report.clean(pattern_pointer)) return;
  auto compiled = serial::LinePattern::compile(pattern);
  if (!compiled) {
    report.error(pattern_pointer, "pattern",
                 "\"pattern\" is no regular expression: " + compiled.error().context);
    return;
  }
  for (std::size_t i = 0; i < file.tags.size(); ++i) {
    const std::string pointer = "/tags/" + std::to_string(i);
    if (!report.clean(pointer) || compiled->group(group_of(file.tags[i]))) continue;
    report.error(pointer + (file.tags[i].group.empty() ? "/name" : "/group"), "unknown-group",
                 "the pattern has no single group " + quoted(group_of(file.tags[i])) +
                     "; name it in the pattern like (?<" + group_of(file.tags[i]) + ">...)");
  }
}

}  // namespace

serial::FrameSettings frame_settings(const SerialProtocolFields& fields, const std::string& attach,
                                     FileReport& report) {
  serial::FrameSettings frames;
  frames.bytes_max = fields.line_bytes_max;
  frames.check = fields.check;
  if (fields.framing) {
    set_framing(*fields.framing, attach + "/framing", report, frames);
    if (fields.delimiter && report.clean(attach + "/delimiter")) {
      report.error(attach + "/delimiter", "framing",
                   "\"framing\" says already how frames end; leave \"delimiter\" out");
    }
  } else if (fields.delimiter) {
    frames.framing =
        serial::Delimited{"", bytes_at(*fields.delimiter, attach + "/delimiter", report), 0};
  }
  if (!report.clean(attach)) return frames;
  if (const std::string problem = serial::framing_problem(frames); !problem.empty()) {
    report.error(attach + "/framing", "framing",
                 "frames cannot be told apart like this: " + problem);
  }
  return frames;
}

void describe_serial(const DeviceFile& file, const SerialProtocolFields& fields,
                     serial::DeviceSettings& device, FileReport& report) {
  const std::string attach = "/attach/" + attach_kind(file.attach);
  device.frames = frame_settings(fields, attach, report);
  device.pattern = fields.pattern;
  check_groups(file, attach + "/pattern", report, device.pattern);
  for (std::size_t i = 0; i < file.tags.size(); ++i) {
    const TagFields& tag = file.tags[i];
    const std::string pointer = "/tags/" + std::to_string(i);
    if (tag.scale == 0 && report.clean(pointer + "/scale")) {
      report.error(pointer + "/scale", "scale", "a scale of 0 makes every value the same");
    }
    if (tag.serial_type == serial::TagSettings::Type::Text && (tag.scale != 1 || tag.offset != 0)) {
      report.error(pointer, "scale", "text cannot be scaled; leave \"scale\" and \"offset\" out");
    }
    device.tags.push_back({TagIndex{static_cast<std::uint16_t>(i)}, group_of(tag), tag.serial_type,
                           tag.scale, tag.offset});
  }
}

}  // namespace hubward::config
