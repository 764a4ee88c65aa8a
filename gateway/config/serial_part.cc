#include "gateway/config/serial_part.h"

#include <optional>
#include <utility>

#include "adapters/serial/line_pattern.h"
#include "gateway/config/attach_part.h"
#include "gateway/config/value_part.h"
#include "proto/serial/command.h"

namespace hubward::config {
namespace {

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

constexpr std::string_view kAddress = "{address}";

// {address} filled in.
std::string with_address(std::string text, const std::string& address) {
  for (std::size_t at = 0; (at = text.find(kAddress, at)) != std::string::npos;
       at += address.size()) {
    text.replace(at, kAddress.size(), address);
  }
  return text;
}

// A command or request as it may be written, or an error at its place.
std::string command_at(const std::string& text, bool has_check, bool takes_value,
                       const std::string& pointer, FileReport& report) {
  const auto command = serial::CommandTemplate::parse(text);
  std::string problem;
  if (!command) {
    problem = command.error().context;
  } else if (command->takes_check() && !has_check) {
    problem = "{check} needs the device's \"check\"";
  } else if (command->takes_value() && !takes_value) {
    problem = "a request has no {value}";
  }
  if (!problem.empty() && report.clean(pointer)) {
    report.error(pointer, "command", quoted(text) + " cannot be sent: " + problem);
  }
  return text;
}

// What the whole device says about its tags.
struct TagSurroundings {
  const std::vector<SerialRequestFields>& requests;
  const std::string& address;
  const std::string& pattern;  // with the address
  bool has_check;
};

bool has_group(const std::string& pattern, const std::string& name) {
  if (pattern.empty()) return false;
  const auto compiled = serial::LinePattern::compile(pattern);
  return compiled && compiled->group(name);
}

// One tag of a serial device on its way from fields to settings.
class SerialTag {
 public:
  SerialTag(const TagFields& fields, const TagSurroundings& device, std::string pointer,
            FileReport& report)
      : fields_(fields), device_(device), at_(std::move(pointer)), report_(report) {}

  serial::TagSettings settings(TagIndex index) {
    serial::TagSettings tag;
    tag.tag = index;
    tag.where = where();
    tag.type = text_type(fields_.serial_type);
    tag.scale = fields_.scale;
    tag.offset = fields_.offset;
    tag.form.decimal_comma = fields_.decimal_comma;
    tag.form.unit = bytes_at(fields_.unit_text, at_ + "/unit_text", report_);
    tag.when = with_address(fields_.when, device_.address);
    check_pattern(tag.when, "/when");
    tag.request = request();
    if (fields_.write) tag.write = write(*fields_.write);
    if (fields_.writable && !fields_.write) {
      refuse("/writable", "not-writable",
             "nothing says how it is written; add \"write\" with the command, e.g. "
             "{\"send\": \"SP {value}\\\\r\"}");
    }
    check_scale(fields_, at_, report_);
    return tag;
  }

 private:
  decltype(serial::TagSettings::where) where() {
    const int places = int{!fields_.group.empty()} + int{fields_.column.has_value()} +
                       int{!fields_.column_name.empty()} + int{fields_.from.has_value()} +
                       int{fields_.byte.has_value()} + int{has_pointer()};
    if (places > 1) {
      refuse("", "place",
             "a tag stands in one place; name one of \"group\", \"column\", \"column_name\", "
             "\"from\", \"pointer\" and \"byte\"");
    }
    if (fields_.byte) return binary_field(fields_, at_, report_);
    if (binary_type(fields_.serial_type)) {
      refuse("/type", "type", "this type is one of bytes; name the first one with \"byte\"");
    }
    if (fields_.column) return serial::CsvColumn{*fields_.column, "", fields_.columns};
    if (!fields_.column_name.empty()) {
      return serial::CsvColumn{0, fields_.column_name, fields_.columns};
    }
    if (fields_.from) {
      if (!fields_.width) refuse("", "missing-key", "\"width\" is missing beside \"from\"");
      return serial::FixedColumns{*fields_.from, fields_.width.value_or(1)};
    }
    if (has_pointer()) {
      check_json_pointer(*fields_.pointer, at_ + "/pointer", report_);
      return serial::JsonMember{*fields_.pointer};
    }
    if (fields_.group.empty() && fields_.write && !has_group(device_.pattern, fields_.name)) {
      return serial::OnlyWritten{};
    }
    return serial::PatternGroup{fields_.group.empty() ? fields_.name : fields_.group};
  }

  [[nodiscard]] bool has_pointer() const { return fields_.pointer && !fields_.pointer->empty(); }

  std::optional<std::size_t> request() {
    if (fields_.request.empty()) return std::nullopt;
    for (std::size_t i = 0; i < device_.requests.size(); ++i) {
      if (device_.requests[i].name == fields_.request) return i;
    }
    refuse("/request", "unknown-request",
           "the device has no request of the name " + quoted(fields_.request));
    return std::nullopt;
  }

  serial::WriteSettings write(const SerialWriteFields& fields) {
    serial::WriteSettings write;
    write.send = command_at(with_address(fields.send, device_.address), device_.has_check, true,
                            at_ + "/write/send", report_);
    write.confirmed = with_address(fields.confirmed, device_.address);
    write.refused = with_address(fields.refused, device_.address);
    write.decimals = fields.decimals;
    write.width = fields.width;
    write.on = fields.on;
    write.off = fields.off;
    write.timeout = fields.timeout;
    check_pattern(write.confirmed, "/write/confirmed");
    check_pattern(write.refused, "/write/refused");
    return write;
  }

  void check_pattern(const std::string& pattern, const std::string& key) {
    if (pattern.empty()) return;
    if (const auto compiled = serial::LinePattern::compile(pattern); !compiled) {
      refuse(key, "pattern", "this is no regular expression: " + compiled.error().context);
    }
  }

  void refuse(const std::string& key, std::string rule, std::string text) {
    if (report_.clean(at_ + key)) report_.error(at_ + key, std::move(rule), std::move(text));
  }

  const TagFields& fields_;
  const TagSurroundings& device_;
  const std::string at_;
  FileReport& report_;
};

// The tags that name a group, against the pattern.
void check_groups(const DeviceFile& file, const std::vector<serial::TagSettings>& tags,
                  const std::string& pattern_pointer, const std::string& pattern,
                  FileReport& report) {
  if (!report.clean(pattern_pointer)) return;
  std::optional<serial::LinePattern> compiled;
  if (!pattern.empty()) {
    auto result = serial::LinePattern::compile(pattern);
    if (!result) {
      report.error(pattern_pointer, "pattern",
                   "\"pattern\" is no regular expression: " + result.error().context);
      return;
    }
    compiled.emplace(std::move(*result));
  }
  for (std::size_t i = 0; i < tags.size(); ++i) {
    const auto* group = std::get_if<serial::PatternGroup>(&tags[i].where);
    const std::string pointer = "/tags/" + std::to_string(i);
    if (group == nullptr || !report.clean(pointer)) continue;
    if (!compiled) {
      report.error(pointer, "place",
                   "nothing says where this value stands in a line: give the device a \"pattern\", "
                   "or the tag a \"column\", \"from\", \"pointer\" or \"byte\"");
    } else if (!compiled->group(group->name)) {
      report.error(pointer + (file.tags[i].group.empty() ? "/name" : "/group"), "unknown-group",
                   "the pattern has no single group " + quoted(group->name) +
                       "; name it in the pattern like (?<" + group->name + ">...)");
    }
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
  device.pattern = with_address(fields.pattern, fields.address);
  device.ignore = with_address(fields.ignore, fields.address);
  device.response_timeout = fields.response_timeout;
  device.answers_name_it = fields.pattern.find(kAddress) != std::string::npos;
  const bool has_check = fields.check.has_value();
  for (std::size_t i = 0; i < fields.requests.size(); ++i) {
    const std::string at = attach + "/requests/" + std::to_string(i) + "/send";
    device.requests.push_back({command_at(with_address(fields.requests[i].send, fields.address),
                                          has_check, false, at, report),
                               fields.requests[i].interval});
  }
  device.csv = csv_form(fields.csv, attach + "/csv", report);
  if (!device.ignore.empty() && report.clean(attach + "/ignore")) {
    if (const auto compiled = serial::LinePattern::compile(device.ignore); !compiled) {
      report.error(attach + "/ignore", "pattern",
                   "\"ignore\" is no regular expression: " + compiled.error().context);
    }
  }
  const TagSurroundings surroundings{fields.requests, fields.address, device.pattern, has_check};
  for (std::size_t i = 0; i < file.tags.size(); ++i) {
    SerialTag tag(file.tags[i], surroundings, "/tags/" + std::to_string(i), report);
    device.tags.push_back(tag.settings(TagIndex{static_cast<std::uint16_t>(i)}));
  }
  check_groups(file, device.tags, attach + "/pattern", device.pattern, report);
}

}  // namespace hubward::config
