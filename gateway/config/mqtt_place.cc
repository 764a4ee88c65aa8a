#include "gateway/config/mqtt_place.h"

#include <utility>

#include "gateway/config/attach_part.h"
#include "gateway/config/value_part.h"

namespace hubward::config {
namespace {

using mqtt::PayloadForm;

struct Key {
  const char* name;
  bool given;
  PayloadForm form;  // the only one in which it says a place
};

const char* name_of(PayloadForm form) {
  switch (form) {
    case PayloadForm::Json:
      return "json";
    case PayloadForm::Text:
      return "text";
    case PayloadForm::Csv:
      return "csv";
    case PayloadForm::Binary:
      return "binary";
  }
  return "";
}

}  // namespace

mqtt::Place mqtt_place(PayloadForm form, const SerialTagFields& fields, bool may_be_whole,
                       const std::string& at, FileReport& report) {
  const auto refuse = [&](const std::string& key, std::string rule, std::string text) {
    if (report.clean(at + key)) report.error(at + key, std::move(rule), std::move(text));
  };
  const Key keys[] = {
      {"pointer", fields.pointer.has_value(), PayloadForm::Json},
      {"from", fields.from.has_value(), PayloadForm::Text},
      {"column", fields.column.has_value(), PayloadForm::Csv},
      {"column_name", !fields.column_name.empty(), PayloadForm::Csv},
      {"byte", fields.byte.has_value(), PayloadForm::Binary},
  };
  for (const Key& key : keys) {
    if (!key.given || key.form == form) continue;
    refuse("/" + std::string(key.name), "place",
           quoted(key.name) + " says a place in a message that is \"payload\": \"" +
               name_of(key.form) + "\", but this device's messages are \"" + name_of(form) + "\"");
  }
  switch (form) {
    case PayloadForm::Json:
      if (fields.pointer) {
        check_json_pointer(*fields.pointer, at + "/pointer", report);
        return mqtt::JsonMember{*fields.pointer};
      }
      if (!may_be_whole) {
        refuse("", "missing-key",
               "\"pointer\" is missing; it says where the value stands in the message, e.g. "
               "\"/temperature\"");
      }
      return mqtt::JsonMember{""};
    case PayloadForm::Text:
      if (!fields.from && !fields.width) return mqtt::WholeText{};
      if (!fields.from || !fields.width) {
        refuse("", "missing-key", "\"from\" and \"width\" belong together; one of them is missing");
      }
      return mqtt::FixedColumns{fields.from.value_or(1), fields.width.value_or(1)};
    case PayloadForm::Csv:
      if (fields.column.has_value() == !fields.column_name.empty()) {
        refuse("", "place", "name the column, either by \"column\" or by \"column_name\"");
      }
      return mqtt::CsvColumn{fields.column.value_or(0), fields.column_name, 1};
    case PayloadForm::Binary:
      if (fields.byte) return binary_field(fields, at, report);
      refuse("", "missing-key", "\"byte\" is missing; it says where the value begins, from 0");
      break;
  }
  return mqtt::BinaryField{};
}

}  // namespace hubward::config
