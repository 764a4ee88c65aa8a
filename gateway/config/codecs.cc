#include <charconv>

#include "gateway/config/record.h"

namespace hubward::config {
namespace {

// Compiled once, when the tables are made. All patterns are ours and tested, so that none can fail;
// a pattern that did would be left to the schema.
std::optional<std::regex> compile(const std::string& pattern) {
  if (pattern.empty()) return std::nullopt;
  try {
    return std::regex(pattern, std::regex::ECMAScript | std::regex::optimize);
  } catch (const std::regex_error&) {
    return std::nullopt;
  }
}

template <class Duration>
Codec<Duration> duration(std::int64_t minimum, std::int64_t maximum, const char* unit) {
  const auto wide = integer(minimum, maximum);
  auto shape = std::make_shared<Shape>(*wide.shape);
  shape->says += std::string(" (") + unit + ")";
  return {shape,
          [wide, minimum](const Node& node, const Node* parent, Duration& out) {
            std::int64_t value = minimum - 1;
            wide.read(node, parent, value);
            if (value >= minimum) out = Duration(value);
          },
          [](const Duration& value) { return std::to_string(value.count()); }};
}

}  // namespace

Codec<std::string> text(std::size_t length_min, std::size_t length_max, const std::string& pattern,
                        std::string says) {
  auto shape = std::make_shared<Shape>();
  shape->kind = Shape::Kind::Text;
  shape->says = std::move(says);
  shape->length_min = length_min;
  shape->length_max = length_max;
  shape->pattern = pattern;
  shape->regex = compile(pattern);
  return {shape,
          [shape](const Node& node, const Node*, std::string& out) {
            if (!scalar_problem(node, *shape)) out = node.text;
          },
          [](const std::string& value) { return value.empty() ? "" : detail::json_text(value); }};
}

Codec<std::string> text(std::size_t length_min, std::size_t length_max, std::string says) {
  return text(length_min, length_max, std::string(), std::move(says));
}

Codec<std::int64_t> integer(std::int64_t minimum, std::int64_t maximum) {
  auto shape = std::make_shared<Shape>();
  shape->kind = Shape::Kind::Integer;
  shape->minimum = static_cast<double>(minimum);
  shape->maximum = static_cast<double>(maximum);
  shape->says = minimum == maximum ? std::to_string(minimum)
                                   : "a whole number from " + std::to_string(minimum) + " to " +
                                         std::to_string(maximum);
  return {shape,
          [shape](const Node& node, const Node*, std::int64_t& out) {
            if (scalar_problem(node, *shape)) return;
            std::from_chars(node.text.data(), node.text.data() + node.text.size(), out);
          },
          [](const std::int64_t& value) { return std::to_string(value); }};
}

Codec<double> number(double minimum, double maximum) {
  auto shape = std::make_shared<Shape>();
  shape->kind = Shape::Kind::Number;
  shape->minimum = minimum;
  shape->maximum = maximum;
  shape->says = minimum <= -kAnyNumber && maximum >= kAnyNumber
                    ? "a number"
                    : "a number from " + number_text(minimum) + " to " + number_text(maximum);
  return {shape,
          [shape](const Node& node, const Node*, double& out) {
            if (scalar_problem(node, *shape)) return;
            std::from_chars(node.text.data(), node.text.data() + node.text.size(), out);
          },
          [](const double& value) { return number_text(value); }};
}

Codec<bool> boolean() {
  auto shape = std::make_shared<Shape>();
  shape->kind = Shape::Kind::Boolean;
  shape->says = "true or false";
  return {shape,
          [](const Node& node, const Node*, bool& out) {
            if (node.kind == Node::Kind::Boolean) out = node.boolean;
          },
          [](const bool& value) { return std::string(value ? "true" : "false"); }};
}

Codec<std::chrono::milliseconds> milliseconds(std::int64_t minimum, std::int64_t maximum) {
  return duration<std::chrono::milliseconds>(minimum, maximum, "milliseconds");
}

Codec<std::chrono::seconds> seconds(std::int64_t minimum, std::int64_t maximum) {
  return duration<std::chrono::seconds>(minimum, maximum, "seconds");
}

namespace detail {

ShapePtr choice_shape(std::vector<std::string> choices) {
  auto shape = std::make_shared<Shape>();
  shape->kind = Shape::Kind::Choice;
  std::vector<std::string> words;
  words.reserve(choices.size());
  for (const auto& choice : choices) words.push_back("\"" + choice + "\"");
  shape->says = words.size() == 1 ? words.front() : "one of " + join(words, ", ");
  shape->choices = std::move(choices);
  return shape;
}

ShapePtr container_shape(Shape::Kind kind, ShapePtr item, std::size_t count_min,
                         std::size_t count_max, const std::string& key_pattern,
                         std::string key_says) {
  auto shape = std::make_shared<Shape>();
  shape->kind = kind;
  shape->says = kind == Shape::Kind::List ? "a list in brackets [ ]"
                                          : "an object in braces { } with a name for each entry";
  shape->item = std::move(item);
  shape->length_min = count_min;
  shape->length_max = count_max;
  shape->pattern = key_pattern;
  shape->regex = compile(key_pattern);
  shape->key_says = std::move(key_says);
  return shape;
}

std::string json_text(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\r') {
      out += "\\r";
    } else if (c == '\n') {
      out += "\\n";
    } else {
      out += c;
    }
  }
  return out + "\"";
}

}  // namespace detail
}  // namespace hubward::config
