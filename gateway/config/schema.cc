#include "gateway/config/schema.h"

#include <rapidjson/prettywriter.h>

#include <set>
#include <vector>

#include "gateway/config/device_file.h"
#include "gateway/config/gateway_file.h"
#include "gateway/config/shapes_in_use.h"

namespace hubward::config {
namespace {

using Writer = rapidjson::PrettyWriter<rapidjson::StringBuffer>;

// Beside a "model" a device's file need not say what the model does: the keys of what it is
// attached by, its tags, and the keys of a tag but for its name (device_model.h).
enum class Form : std::uint8_t { Whole, BesideModel };

// What a model may complete has a definition of its own for that.
std::set<const Shape*> completed_by_model(const Shape& device) {
  std::set<const Shape*> found;
  if (device.field("model") == nullptr) return found;
  const Shape& attach = *device.field("attach")->shape;
  found.insert(&attach);
  for (const Field& kind : attach.fields) found.insert(kind.shape.get());
  for (const auto& [kind, tags] : device.field("tags")->shape->alternatives) {
    found.insert(tags->item.get());
  }
  return found;
}

class SchemaWriter {
 public:
  SchemaWriter(Writer& out, const Shape& root)
      : out_(out), root_(root), completed_(completed_by_model(root)) {}

  void write() {
    out_.StartObject();
    text("$schema", "http://json-schema.org/draft-04/schema#");
    text("title", "hubward " + root_.name + " file, version 1");
    object(root_, completed_.empty() ? Form::Whole : Form::BesideModel);
    if (!completed_.empty()) whole_without_model();
    out_.Key("definitions");
    out_.StartObject();
    for (const Shape* shape : objects_in(root_)) {
      if (shape == &root_) continue;
      definition(*shape, Form::Whole);
      if (completed_.contains(shape)) definition(*shape, Form::BesideModel);
    }
    out_.EndObject();
    out_.EndObject();
  }

 private:
  void definition(const Shape& shape, Form form) {
    out_.Key(definition_name(shape, form).c_str());
    out_.StartObject();
    object(shape, form);
    out_.EndObject();
  }

  [[nodiscard]] std::string definition_name(const Shape& shape, Form form) const {
    const bool completed = form == Form::BesideModel && completed_.contains(&shape);
    return completed ? shape.name + "_beside_model" : shape.name;
  }

  // Either there is a model, or all has to be there that one could have said.
  void whole_without_model() {
    out_.Key("allOf");
    out_.StartArray();
    out_.StartObject();
    out_.Key("anyOf");
    out_.StartArray();
    out_.StartObject();
    out_.Key("required");
    strings({"model"});
    out_.EndObject();
    out_.StartObject();
    out_.Key("required");
    strings({"tags"});
    out_.Key("properties");
    out_.StartObject();
    out_.Key("attach");
    out_.StartObject();
    value(*root_.field("attach")->shape, Form::Whole);
    out_.EndObject();
    out_.EndObject();
    selected_forms(*root_.field("tags"), Form::Whole);
    out_.EndObject();
    out_.EndArray();
    out_.EndObject();
    out_.EndArray();
  }

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

  void object(const Shape& shape, Form form) {
    text("description", shape.doc);
    text("type", "object");
    out_.Key("properties");
    out_.StartObject();
    for (const auto& field : shape.fields) property(field, form);
    out_.EndObject();
    out_.Key("additionalProperties");
    out_.Bool(false);
    if (shape.exactly_one) {
      size("minProperties", 1);
      size("maxProperties", 1);
    }
    required(shape, form);
    for (const auto& field : shape.fields) {
      if (field.shape->kind == Shape::Kind::Selected) selected_forms(field, form);
    }
  }

  [[nodiscard]] bool may_be_the_models(const Shape& shape, const Field& field, Form form) const {
    if (form == Form::Whole) return false;
    return &shape == &root_ ? field.name == "tags" : field.name != "name";
  }

  void required(const Shape& shape, Form form) {
    std::vector<std::string> names;
    for (const auto& field : shape.fields) {
      if (field.required && !may_be_the_models(shape, field, form)) names.push_back(field.name);
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

  void property(const Field& field, Form form) {
    out_.Key(field.name.c_str());
    out_.StartObject();
    if (field.shape->kind == Shape::Kind::Object) {
      // Draft-04 ignores what stands beside a $ref, so the description goes around it.
      text("description", field.doc);
      out_.Key("allOf");
      out_.StartArray();
      out_.StartObject();
      value(*field.shape, form);
      out_.EndObject();
      out_.EndArray();
    } else {
      text("description", field.doc);
      value(*field.shape, form);
      if (!field.default_json.empty()) {
        out_.Key("default");
        out_.RawValue(field.default_json.data(), field.default_json.size(), rapidjson::kObjectType);
      }
    }
    out_.EndObject();
  }

  // Members that describe one value, into an object that is open.
  void value(const Shape& shape, Form form) {
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
        size("minItems", form == Form::BesideModel && completed_.contains(shape.item.get())
                             ? 0
                             : shape.length_min);
        size("maxItems", shape.length_max);
        out_.Key("items");
        out_.StartObject();
        value(*shape.item, form);
        out_.EndObject();
        return;
      case Shape::Kind::Map:
        return map(shape, form);
      case Shape::Kind::Object:
        return text("$ref", "#/definitions/" + definition_name(shape, form));
      case Shape::Kind::Selected:
        return;  // said at the end of the object, by its sibling
    }
  }

  void map(const Shape& shape, Form form) {
    text("type", "object");
    size("minProperties", shape.length_min);
    size("maxProperties", shape.length_max);
    out_.Key("patternProperties");
    out_.StartObject();
    out_.Key(shape.pattern.c_str());
    out_.StartObject();
    value(*shape.item, form);
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
  void selected_forms(const Field& field, Form form) {
    std::vector<std::pair<const Shape*, std::vector<std::string>>> forms;
    for (const auto& [key, kind] : field.shape->alternatives) {
      if (forms.empty() || forms.back().first != kind.get()) forms.push_back({kind.get(), {}});
      forms.back().second.push_back(key);
    }
    out_.Key("anyOf");
    out_.StartArray();
    for (const auto& [kind, keys] : forms) {
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
      value(*kind, form);
      out_.EndObject();
      out_.EndObject();
      out_.EndObject();
    }
    out_.EndArray();
  }

  Writer& out_;
  const Shape& root_;
  const std::set<const Shape*> completed_;
};

}  // namespace

std::string schema_json(FileKind kind) {
  rapidjson::StringBuffer buffer;
  Writer out(buffer);
  out.SetIndent(' ', 2);
  SchemaWriter(out, root_shape(kind)).write();
  return std::string(buffer.GetString(), buffer.GetSize()) + "\n";
}

}  // namespace hubward::config
