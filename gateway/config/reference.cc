#include "gateway/config/schema.h"
#include "gateway/config/shapes_in_use.h"

namespace hubward::config {
namespace {

std::string cell(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '<') {
      out += "&lt;";
      continue;
    }
    if (c == '|') out += '\\';
    out += c;
  }
  return out;
}

std::string value_words(const Shape& shape) {
  switch (shape.kind) {
    case Shape::Kind::Object:
      return "object `" + shape.name + "`";
    case Shape::Kind::List:
      return "list of " + value_words(*shape.item);
    case Shape::Kind::Map:
      return "names (" + shape.key_says + "), each with an " + value_words(*shape.item);
    case Shape::Kind::Selected: {
      std::string out;
      for (const auto& [key, form] : shape.alternatives) {
        out += (out.empty() ? "" : "; ") + std::string("`") + key + "`: " + value_words(*form);
      }
      return out;
    }
    default:
      return shape.says;
  }
}

std::string default_words(const Field& field) {
  if (field.required) return "**required**";
  return field.default_json.empty() ? "" : "`" + field.default_json + "`";
}

std::string table(const Shape& shape) {
  std::string out = "### `" + shape.name + "`: " + shape.doc + "\n\n";
  if (shape.exactly_one) out += "Exactly one of these keys.\n\n";
  out += "| key | value | default | what it is |\n| --- | --- | --- | --- |\n";
  for (const auto& field : shape.fields) {
    out += "| `" + field.name + "` | " + cell(value_words(*field.shape)) + " | " +
           cell(default_words(field)) + " | " + cell(field.doc) + " |\n";
  }
  return out + "\n";
}

}  // namespace

std::string reference_markdown(FileKind kind) {
  std::string out;
  for (const Shape* shape : objects_in(root_shape(kind))) out += table(*shape);
  return out;
}

}  // namespace hubward::config
