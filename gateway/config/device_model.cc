#include "gateway/config/device_model.h"

#include <algorithm>
#include <array>
#include <utility>

#include "gateway/config/report.h"
#include "gateway/config/secrets.h"

namespace hubward::config {
namespace {

constexpr std::array<std::string_view, 2> kTakenWhole = {"model_id",
                                                         "expected_messages_per_minute"};
constexpr std::array<std::string_view, 4> kLeftOut = {"$schema", "version", "attach", "tags"};

template <std::size_t N>
bool is_one_of(const std::array<std::string_view, N>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

Node* member(Node& object, std::string_view key) {
  for (Member& one : object.members) {
    if (one.key == key) return &one.value;
  }
  return nullptr;
}

// The depth of a file is bounded, and so is that of these calls.
void place_at(Node& node, std::uint32_t offset) {
  node.offset = offset;
  for (Node& item : node.items) place_at(item, offset);
  for (Member& one : node.members) {
    one.key_offset = offset;
    place_at(one.value, offset);
  }
}

void add_missing(Node& object, const Node& from, const Shape* known) {
  for (const Member& one : from.members) {
    if (object.find(one.key) != nullptr) continue;
    if (known != nullptr && known->field(one.key) == nullptr) continue;
    object.members.push_back(one);
  }
}

void add_attachment(Node& device, const Node& model, const Shape& shape) {
  const Node* from = model.find("attach");
  Node* attach = member(device, "attach");
  if (from == nullptr || from->members.size() != 1) return;
  if (attach == nullptr || attach->kind != Node::Kind::Object || attach->members.size() != 1) {
    return;  // said when the device is checked
  }
  Member& own = attach->members.front();
  const Field* attach_field = shape.field("attach");
  const Field* kind = attach_field == nullptr ? nullptr : attach_field->shape->field(own.key);
  if (kind == nullptr || own.value.kind != Node::Kind::Object) return;
  add_missing(own.value, from->members.front().value, kind->shape.get());
}

std::string text_of(const Node& tag, std::string_view key) {
  const Node* value = tag.find(key);
  return value == nullptr ? "" : value->text;
}

void add_tags(Node& device, const Node& model, std::uint32_t offset) {
  const Node* from = model.find("tags");
  if (from == nullptr || from->kind != Node::Kind::List) return;
  Node* own = member(device, "tags");
  if (own == nullptr) {
    device.members.push_back({"tags", offset, *from});
    return;
  }
  if (own->kind != Node::Kind::List) return;
  // The model's tags come first, in its order, with the device's changes; then the device's own.
  std::vector<Node> tags = from->items;
  for (Node& tag : own->items) {
    const auto same = std::find_if(tags.begin(), tags.end(), [&](const Node& other) {
      return tag.kind == Node::Kind::Object && !text_of(tag, "name").empty() &&
             text_of(tag, "name") == text_of(other, "name") &&
             text_of(tag, "component") == text_of(other, "component");
    });
    if (same == tags.end()) {
      tags.push_back(std::move(tag));
    } else {
      Node changed = std::move(tag);
      add_missing(changed, *same, nullptr);
      *same = std::move(changed);
    }
  }
  own->items = std::move(tags);
}

std::string known_models(const std::vector<std::string>& folders, const FileSource& files) {
  std::vector<std::string> names;
  for (const std::string& folder : folders) {
    for (std::string name : files.list(folder).value_or(std::vector<std::string>{})) {
      if (!name.ends_with(".json")) continue;
      name.resize(name.size() - 5);
      names.push_back(std::move(name));
    }
  }
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return join(names, ", ");
}

std::optional<std::string> read_model(const std::string& name,
                                      const std::vector<std::string>& folders,
                                      const FileSource& files) {
  for (const std::string& folder : folders) {
    auto text = files.read(folder + "/" + name + ".json", kFileBytesMax);
    if (text) return std::move(*text);
  }
  return std::nullopt;
}

}  // namespace

std::vector<SyntaxProblem> add_model(Node& device, const Shape& device_shape,
                                     const std::string& folder, const FileSource& files) {
  const Node* named = device.kind == Node::Kind::Object ? device.find("model") : nullptr;
  const Field* field = device_shape.field("model");
  if (named == nullptr || field == nullptr || scalar_problem(*named, *field->shape)) return {};
  const std::string name = named->text;
  const std::uint32_t offset = named->offset;
  const auto problem = [&](std::string text) {
    return std::vector<SyntaxProblem>{{offset, "/model", "model", std::move(text)}};
  };
  const std::vector<std::string> folders = {path_from(folder, "models"), files.ready_made_models()};
  const auto text = read_model(name, folders, files);
  if (!text) {
    const std::string known = known_models(folders, files);
    return problem("there is no model " + quoted(name) + " in " + join(folders, " or ") +
                   (known.empty() ? "; ready-made ones come with an installed hubward, and another "
                                    "folder of theirs is named by HUBWARD_MODELS"
                                  : "; there is " + known));
  }
  Document document = parse_document(*text);
  if (!document.root || document.root->kind != Node::Kind::Object) {
    return problem("the model " + quoted(name) + " is no JSON object" +
                   (document.problems.empty() ? "" : ": " + document.problems.front().text));
  }
  Node& model = *document.root;
  for (const Member& one : model.members) {
    if (is_one_of(kLeftOut, one.key) || is_one_of(kTakenWhole, one.key)) continue;
    return problem("the model " + quoted(name) + " says " + quoted(one.key) +
                   ", which each device says for itself");
  }
  place_at(model, offset);
  for (const std::string_view key : kTakenWhole) {
    const Node* value = model.find(key);
    if (value == nullptr || device.find(key) != nullptr) continue;
    device.members.push_back({std::string(key), offset, *value});
  }
  add_attachment(device, model, device_shape);
  add_tags(device, model, offset);
  return {};
}

}  // namespace hubward::config
