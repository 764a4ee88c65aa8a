#include "gateway/config/schema.h"

#include <rapidjson/prettywriter.h>

#include <map>
#include <vector>

#include "gateway/config/device_file.h"
#include "gateway/config/gateway_file.h"
#include "gateway/config/shapes_in_use.h"

namespace hubward::config {
namespace {

using Writer = rapidjson::PrettyWriter<rapidjson::StringBuffer>;

class SchemaWriter {
 public:
  explicit SchemaWriter(Writer& out) : out_(out) {}

  void root(const Shape& shape) {
    out_.StartObject();
    text("$schema", "http://json-schema.org/draft-04/schema#");
    text("title", "hubward " + shape.name + " file, version 1");
    object(shape);
    out_.Key("definitions");
    out_.StartObject();
    for (const Shape* definition : objects_in(shape)) {
      if (definition == &shape) continue;
      out_.Key(definition->name.c_str());
      out_.StartObject();
      object(*definition);
      out_.EndObject();
    }
    out_.EndObject();
    out_.EndObject();
  }

 private:
  void text(const char* key, const std::string& value) {
    out_.Key(key);
    out_.String(value.c_str());
  }
  void size(const char* key, std::size_t value) {
    out_.Key(key);
    out_.Uint64(value);
  }
  void bound(const char* key, double value, bool whole) {
    if (value <= -kAnyNumber || value >= kAnyNumber) return;
    out_.Key(key);
    if (whole) {
      out_.Int64(static_cast<std::int64_t>(value));
    } else {
      out_.Double(value);
    }
  }

  void object(const Shape& shape) {
    text("description", shape.doc);
    text("type", "object");
    out_.Key("properties");
    out_.StartObject();
    for (const auto& field : shape.fields) property(field);
    out_.EndObject();
    out_.Key("additionalProperties");
    out_.Bool(false);
    if (shape.exactly_one) {
      size("minProperties", 1);
      size("maxProperties", 1);
    }
    required(shape);
    for (const auto& field : shape.fields) {
      if (field.shape->kind == Shape::Kind::Selected) selected_forms(field);
    }
  }

  void required(const Shape& shape) {
    std::vector<std::string> names;
    for (const auto& field : shape.fields) {
      if (field.required) names.push_back(field.name);
    }
    if (names.empty()) return;  // draft-04 allows no empty list here
    out_.Key("required");
    strings(names);
  }

  void strings(const std::vector<std::string>& values) {
    out_.StartArray();
    for (const auto& value : values) out_.String(value.c_str());
    out_.EndArray();
  }

  void property(const Field& field) {
    out_.Key(field.name.c_str());
    out_.StartObject();
    if (field.shape->kind == Shape::Kind::Object) {
      // Draft-04 ignores what stands beside a $ref, so the description goes around it.
      text("description", field.doc);
      out_.Key("allOf");
      out_.StartArray();
      out_.StartObject();
      value(*field.shape);
      out_.EndObject();
      out_.EndArray();
    } else {
      text("description", field.doc);
      value(*field.shape);
      if (!field.default_json.empty()) {
        out_.Key("default");
        out_.RawValue(field.default_json.data(), field.default_json.size(), rapidjson::kObjectType);
      }
    }
    out_.EndObject();
  }

  // Members that describe one value, into an object that is open.
  void value(const Shape& shape) {
    switch (shape.kind) {
      case Shape::Kind::Boolean:
        return text("type", "boolean");
      case Shape::Kind::Integer:
      case Shape::Kind::Number: {
        const bool whole = shape.kind == Shape::Kind::Integer;
        text("type", whole ? "integer" : "number");
        bound("minimum", shape.minimum, whole);
        bound("maximum", shape.maximum, whole);
        return;
      }
      case Shape::Kind::Text:
        text("type", "string");
        if (shape.length_min > 0) size("minLength", shape.length_min);
        size("maxLength", shape.length_max);
        if (!shape.pattern.empty()) text("pattern", shape.pattern);
        return;
      case Shape::Kind::Choice:
        out_.Key("enum");
        return strings(shape.choices);
      case Shape::Kind::List:
        text("type", "array");
        size("minItems", shape.length_min);
        size("maxItems", shape.length_max);
        out_.Key("items");
        out_.StartObject();
        value(*shape.item);
        out_.EndObject();
        return;
      case Shape::Kind::Map:
        return map(shape);
      case Shape::Kind::Object:
        return text("$ref", "#/definitions/" + shape.name);
      case Shape::Kind::Selected:
        return;  // said at the end of the object, by its sibling
    }
  }

  void map(const Shape& shape) {
    text("type", "object");
    size("minProperties", shape.length_min);
    size("maxProperties", shape.length_max);
    out_.Key("patternProperties");
    out_.StartObject();
    out_.Key(shape.pattern.c_str());
    out_.StartObject();
    value(*shape.item);
    out_.EndObject();
    out_.EndObject();
    // Nothing fits "not anything": the same as false, which RapidJSON 1.1.0 answers with a crash
    // when it stands beside patternProperties.
    out_.Key("additionalProperties");
    out_.StartObject();
    out_.Key("not");
    out_.StartObject();
    out_.EndObject();
    out_.EndObject();
  }

  // "anyOf": for each form, which keys of the selector go with it.
  void selected_forms(const Field& field) {
    std::vector<std::pair<const Shape*, std::vector<std::string>>> forms;
    for (const auto& [key, form] : field.shape->alternatives) {
      if (forms.empty() || forms.back().first != form.get()) forms.push_back({form.get(), {}});
      forms.back().second.push_back(key);
    }
    out_.Key("anyOf");
    out_.StartArray();
    for (const auto& [form, keys] : forms) {
      out_.StartObject();
      out_.Key("properties");
      out_.StartObject();
      out_.Key(field.shape->selector.c_str());
      out_.StartObject();
      out_.Key("anyOf");
      out_.StartArray();
      for (const auto& key : keys) {
        out_.StartObject();
        out_.Key("required");
        strings({key});
        out_.EndObject();
      }
      out_.EndArray();
      out_.EndObject();
      out_.Key(field.name.c_str());
      out_.StartObject();
      value(*form);
      out_.EndObject();
      out_.EndObject();
      out_.EndObject();
    }
    out_.EndArray();
  }

  Writer& out_;
};

}  // namespace

std::string schema_json(FileKind kind) {
  rapidjson::StringBuffer buffer;
  Writer out(buffer);
  out.SetIndent(' ', 2);
  SchemaWriter(out).root(root_shape(kind));
  return std::string(buffer.GetString(), buffer.GetSize()) + "\n";
}

}  // namespace hubward::config
