// The schema and the binder must say the same. RapidJSON's validator is the other judge: every file
// of the cases and of the example, and several thousand files made from them by changing one thing,
// must be accepted by both or refused by both.
#include "gateway/config/schema.h"

#include <doctest/doctest.h>
#include <rapidjson/schema.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <regex>

#include "gateway/config/check.h"
#include "gateway/config/shapes_in_use.h"
#include "proto/json.h"

using namespace hubward;
using namespace hubward::config;

namespace {

void write(const Node& node, json::Writer& out) {
  switch (node.kind) {
    case Node::Kind::Null:
      out.Null();
      return;
    case Node::Kind::Boolean:
      out.Bool(node.boolean);
      return;
    case Node::Kind::Number:
      out.RawValue(node.text.data(), node.text.size(), rapidjson::kNumberType);
      return;
    case Node::Kind::Text:
      out.String(node.text.data(), static_cast<rapidjson::SizeType>(node.text.size()));
      return;
    case Node::Kind::List:
      out.StartArray();
      for (const auto& item : node.items) write(item, out);
      out.EndArray();
      return;
    case Node::Kind::Object:
      out.StartObject();
      for (const auto& member : node.members) {
        out.Key(member.key.data(), static_cast<rapidjson::SizeType>(member.key.size()));
        write(member.value, out);
      }
      out.EndObject();
      return;
  }
}

std::string plain_json(const Node& node) {
  rapidjson::StringBuffer buffer;
  json::Writer out(buffer);
  write(node, out);
  return {buffer.GetString(), buffer.GetSize()};
}

class Judges {
 public:
  explicit Judges(FileKind kind)
      : shape_(root_shape(kind)), text_(json::parse(schema_json(kind)).value()), schema_(text_) {}

  bool schema_accepts(const Node& node) {
    const auto document = json::parse(plain_json(node));
    REQUIRE(document.has_value());
    rapidjson::SchemaValidator validator(schema_);
    return document->Accept(validator);
  }

  std::vector<Problem> binder_problems(const Node& node) const {
    FileReport report("file", "", &node);
    check(node, shape_, report);
    auto problems = report.take();
    if (node.find("model") != nullptr) {
      std::erase_if(problems, [](const Problem& one) { return may_be_the_models(one); });
    }
    return problems;
  }

  // The binder sees a file when its model has filled in what is missing.
  static bool may_be_the_models(const Problem& problem) {
    static const std::regex missing("/tags|/attach/[a-z_]+/[a-z_]+|/tags/[0-9]+/[a-z_]+");
    static const std::regex name("/tags/[0-9]+/name");
    if (problem.rule == "count") return problem.pointer == "/tags";  // none of its own
    return problem.rule == "missing-key" && std::regex_match(problem.pointer, missing) &&
           !std::regex_match(problem.pointer, name);
  }

  void compare(const Node& node) {
    const auto problems = binder_problems(node);
    const bool agree = schema_accepts(node) == problems.empty();
    if (!agree) {
      CAPTURE(plain_json(node));
      CAPTURE(problems.empty() ? std::string("binder accepts") : problems.front().text);
      CHECK(agree);
    }
    ++compared_;
    accepted_ += problems.empty() ? 1U : 0U;
  }

  std::size_t compared() const { return compared_; }
  std::size_t accepted() const { return accepted_; }

 private:
  const Shape& shape_;
  json::Document text_;
  rapidjson::SchemaDocument schema_;
  std::size_t compared_ = 0;
  std::size_t accepted_ = 0;
};

std::vector<Node> corpus(FileKind kind) {
  std::vector<Node> found;
  for (const char* folder : {"/tests/cases/config", "/deploy/example-site"}) {
    const std::filesystem::path root = HUBWARD_SOURCE_DIR + std::string(folder);
    for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
      const auto& path = entry.path();
      if (path.extension() != ".json") continue;
      if ((path.filename() == "gateway.json") != (kind == FileKind::Gateway)) continue;
      std::ifstream file(path, std::ios::binary);
      const std::string text{std::istreambuf_iterator<char>(file), {}};
      auto document = parse_document(text);
      // What a repeated key means is not the schema's to say.
      if (document.root && document.problems.empty()) found.push_back(std::move(*document.root));
    }
  }
  return found;
}

Node node_from(std::string_view text) {
  auto document = parse_document(text);
  REQUIRE(document.root.has_value());
  return std::move(*document.root);
}

std::vector<Node*> all_nodes(Node& root) {
  std::vector<Node*> nodes{&root};
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    for (auto& item : nodes[i]->items) nodes.push_back(&item);
    for (auto& member : nodes[i]->members) nodes.push_back(&member.value);
  }
  return nodes;
}

const char* const kReplacements[] = {"null",
                                     "true",
                                     "0",
                                     "-1",
                                     "1.5",
                                     "1e3",
                                     "70000",
                                     "99999999999999",
                                     "\"\"",
                                     "\"a\"",
                                     "\"A b/c\"",
                                     "\"even\"",
                                     "\"x:1\"",
                                     "[]",
                                     "[1]",
                                     "{}",
                                     "\"°\"",
                                     "{\"file\": \"k\"}",
                                     "\"holding:1\"",
                                     "{\"a\": 1}",
                                     "[{}, {}]"};

void change_one_thing(Node root, Judges& judges) {
  const std::size_t count = all_nodes(root).size();
  for (std::size_t i = 0; i < count; ++i) {
    Node* node = all_nodes(root)[i];
    const Node original = *node;
    for (const char* replacement : kReplacements) {
      *node = node_from(replacement);
      judges.compare(root);
    }
    *node = original;
    if (node->kind != Node::Kind::Object) continue;
    node->members.push_back({"unheard_of", 0, node_from("1")});
    judges.compare(root);
    node->members.pop_back();
    for (std::size_t m = 0; m < original.members.size(); ++m) {
      node->members.erase(node->members.begin() + static_cast<std::ptrdiff_t>(m));
      judges.compare(root);
      *node = original;
    }
  }
}

}  // namespace

TEST_CASE("schema and binder agree on every file of the cases and of the example site") {
  for (const auto kind : {FileKind::Gateway, FileKind::Device}) {
    Judges judges(kind);
    for (const auto& root : corpus(kind)) judges.compare(root);
    CHECK(judges.compared() > 10);
    CHECK(judges.accepted() > 3);
    CHECK(judges.accepted() < judges.compared());
  }
}

TEST_CASE("schema and binder agree on the example's files with any one thing changed") {
  for (const auto kind : {FileKind::Gateway, FileKind::Device}) {
    Judges judges(kind);
    for (const auto& entry :
         std::filesystem::recursive_directory_iterator(HUBWARD_SOURCE_DIR "/deploy/example-site")) {
      const auto& path = entry.path();
      if (path.extension() != ".json") continue;
      if ((path.filename() == "gateway.json") != (kind == FileKind::Gateway)) continue;
      std::ifstream file(path, std::ios::binary);
      const std::string text{std::istreambuf_iterator<char>(file), {}};
      change_one_thing(node_from(text), judges);
    }
    MESSAGE(judges.compared(), " files compared, ", judges.accepted(), " accepted by both");
    CHECK(judges.compared() > 500);
    CHECK(judges.accepted() > 20);
  }
}

TEST_CASE("schema and binder agree on files that name a model, with any one thing changed") {
  Judges judges(FileKind::Device);
  for (Node& root : corpus(FileKind::Device)) {
    if (root.kind != Node::Kind::Object || root.find("model") != nullptr) continue;
    if (root.members.size() < 4 || judges.compared() > 6000) continue;
    root.members.push_back({"model", 0, node_from("\"press\"")});
    change_one_thing(root, judges);
  }
  MESSAGE(judges.compared(), " files compared, ", judges.accepted(), " accepted by both");
  CHECK(judges.accepted() > 20);
}

TEST_CASE("what a model brings is asked for only where there is none") {
  Judges judges(FileKind::Device);
  struct Row {
    const char* file;
    bool accepted;
  };
  const Row rows[] = {
      {R"("attach": {"mqtt": {"topic": "t"}}, "tags": [{"name": "a", "pointer": "/a"}])", true},
      {R"("attach": {"mqtt": {"topic": "t"}})", false},
      {R"("attach": {"mqtt": {}}, "tags": [{"name": "a", "pointer": "/a"}])", false},
      {R"("attach": {"mqtt": {}}, "tags": [])", false},
      {R"("attach": {"mqtt": {}}, "model": "probe")", true},
      {R"("attach": {"mqtt": {}}, "model": "probe", "tags": [])", true},
      {R"("attach": {"mqtt": {}}, "model": "probe", "tags": [{"name": "a"}])", true},
      {R"("attach": {"mqtt": {}}, "model": "probe", "tags": [{"pointer": "/a"}])", false},
      {R"("attach": {"modbus_tcp": {}}, "model": "probe", "tags": [{"name": "a", "min": 1}])",
       true},
      {R"("attach": {"modbus_tcp": {"host": "h"}}, "tags": [{"name": "a", "min": 1}])", false},
      {R"("attach": {}, "model": "probe")", false},
      {R"("model": "probe")", false},
      // What stands deeper is the device's own or the model's, as a whole.
      {R"("attach": {"mqtt": {"answer": {}}}, "model": "probe")", false},
      {R"("attach": {"mqtt": {"pattern": "x"}}, "model": "probe")", false},
  };
  for (const Row& row : rows) {
    CAPTURE(row.file);
    const Node node = node_from(R"({"version": 1, "id": "d", "enrollment": "plant", )" +
                                std::string(row.file) + "}");
    CHECK(judges.schema_accepts(node) == row.accepted);
    CHECK(judges.binder_problems(node).empty() == row.accepted);
  }
}

TEST_CASE("the schema keeps to draft-04 words that mean the same in draft-07") {
  for (const auto kind : {FileKind::Gateway, FileKind::Device}) {
    const std::string schema = schema_json(kind);
    for (const std::string word : {"\"$defs\"", "\"const\"", "\"format\"", "\"exclusiveMinimum\"",
                                   "\"exclusiveMaximum\"", "\"if\"", "\\\\d"}) {
      CAPTURE(word);
      CHECK(schema.find(word) == std::string::npos);
    }
    CHECK(schema.find("http://json-schema.org/draft-04/schema#") != std::string::npos);
  }
}

TEST_CASE("every default is itself a valid value, and every pattern compiles") {
  for (const auto kind : {FileKind::Gateway, FileKind::Device}) {
    for (const Shape* object : objects_in(root_shape(kind))) {
      for (const auto& field : object->fields) {
        CAPTURE(object->name);
        CAPTURE(field.name);
        CHECK_FALSE(field.doc.empty());
        CHECK(field.shape->regex.has_value() != field.shape->pattern.empty());
        if (field.default_json.empty()) continue;
        CHECK_FALSE(scalar_problem(node_from(field.default_json), *field.shape).has_value());
      }
    }
  }
}

TEST_CASE("the reference page holds the tables that the program prints") {
  std::ifstream file(HUBWARD_SOURCE_DIR "/gateway/config/README.md", std::ios::binary);
  const std::string page{std::istreambuf_iterator<char>(file), {}};
  CHECK(page.find(reference_markdown(FileKind::Gateway)) != std::string::npos);
  CHECK(page.find(reference_markdown(FileKind::Device)) != std::string::npos);
}
