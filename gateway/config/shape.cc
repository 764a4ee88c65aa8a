#include "gateway/config/shape.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "gateway/config/suggest.h"

namespace hubward::config {
namespace {

constexpr std::size_t kQuotedMax = 64;

const char* kind_words(Node::Kind kind) {
  switch (kind) {
    case Node::Kind::Null:
      return "null";
    case Node::Kind::Boolean:
      return "true or false";
    case Node::Kind::Number:
      return "a number";
    case Node::Kind::Text:
      return "text";
    case Node::Kind::List:
      return "a list";
    case Node::Kind::Object:
      return "an object";
  }
  return "";
}

// Text in the place of an object may be a secret in the place of a reference to one.
bool may_be_quoted(const Shape& shape) {
  return !shape.never_quoted && shape.kind != Shape::Kind::Object && shape.kind != Shape::Kind::Map;
}

std::string wrong_kind(const Node& node, const Shape& shape) {
  std::string found = kind_words(node.kind);
  if (node.kind == Node::Kind::Boolean) found = node.boolean ? "true" : "false";
  if (may_be_quoted(shape)) {
    if (node.kind == Node::Kind::Number) found = "the number " + node.text.substr(0, kQuotedMax);
    if (node.kind == Node::Kind::Text) found = "the text " + quoted(node.text);
  }
  return "is " + found + "; it should be " + shape.says;
}

std::optional<std::string> integer_problem(const Node& node, const Shape& shape) {
  if (node.kind != Node::Kind::Number) return wrong_kind(node, shape);
  std::int64_t value = 0;
  const char* end = node.text.data() + node.text.size();
  const auto [stop, error] = std::from_chars(node.text.data(), end, value);
  if (error == std::errc{} && stop == end && static_cast<double>(value) >= shape.minimum &&
      static_cast<double>(value) <= shape.maximum) {
    return std::nullopt;
  }
  return wrong_kind(node, shape);
}

std::optional<std::string> number_problem(const Node& node, const Shape& shape) {
  if (node.kind != Node::Kind::Number) return wrong_kind(node, shape);
  double value = 0;
  const char* end = node.text.data() + node.text.size();
  const auto [stop, error] = std::from_chars(node.text.data(), end, value);
  if (error == std::errc{} && stop == end && std::isfinite(value) && value >= shape.minimum &&
      value <= shape.maximum) {
    return std::nullopt;
  }
  return wrong_kind(node, shape);
}

std::size_t characters(std::string_view text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
  }));
}

std::optional<std::string> text_problem(const Node& node, const Shape& shape) {
  if (node.kind != Node::Kind::Text) return wrong_kind(node, shape);
  const std::size_t length = characters(node.text);
  if (length > shape.length_max) {
    return "has " + std::to_string(length) + " characters; at most " +
           std::to_string(shape.length_max) + " are allowed";
  }
  if (node.text.empty() && shape.length_min > 0) return "is empty; it should be " + shape.says;
  // Only now, because the library's matcher recurses once for each character.
  if (length < shape.length_min || (shape.regex && !std::regex_search(node.text, *shape.regex))) {
    return (shape.never_quoted ? "is not of the right form" : "is " + quoted(node.text)) +
           "; it should be " + shape.says;
  }
  return std::nullopt;
}

std::optional<std::string> choice_problem(const Node& node, const Shape& shape) {
  if (node.kind != Node::Kind::Text) return wrong_kind(node, shape);
  if (std::find(shape.choices.begin(), shape.choices.end(), node.text) != shape.choices.end()) {
    return std::nullopt;
  }
  const std::string guess = nearest(node.text, shape.choices);
  return "is " + quoted(node.text) + "; it should be " + shape.says +
         (guess.empty() ? "" : " - did you mean \"" + guess + "\"?");
}

}  // namespace

const Field* Shape::field(std::string_view key) const {
  for (const auto& candidate : fields) {
    if (candidate.name == key) return &candidate;
  }
  return nullptr;
}

std::optional<std::string> scalar_problem(const Node& node, const Shape& shape) {
  switch (shape.kind) {
    case Shape::Kind::Boolean:
      return node.kind == Node::Kind::Boolean ? std::nullopt
                                              : std::optional(wrong_kind(node, shape));
    case Shape::Kind::Integer:
      return integer_problem(node, shape);
    case Shape::Kind::Number:
      return number_problem(node, shape);
    case Shape::Kind::Text:
      return text_problem(node, shape);
    case Shape::Kind::Choice:
      return choice_problem(node, shape);
    case Shape::Kind::List:
      return node.kind == Node::Kind::List ? std::nullopt : std::optional(wrong_kind(node, shape));
    case Shape::Kind::Map:
    case Shape::Kind::Object:
      return node.kind == Node::Kind::Object ? std::nullopt
                                             : std::optional(wrong_kind(node, shape));
    case Shape::Kind::Selected:
      break;
  }
  return std::nullopt;
}

const Shape* selected(const Shape& shape, const Node& parent) {
  const Node* selector = parent.find(shape.selector);
  if (selector == nullptr) return nullptr;
  const Shape* found = nullptr;
  for (const auto& [key, alternative] : shape.alternatives) {
    if (selector->find(key) == nullptr) continue;
    if (found != nullptr) return nullptr;
    found = alternative.get();
  }
  return found;
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  std::size_t shown = 0;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool begins_character = (byte & 0xC0U) != 0x80U;
    if (begins_character && shown++ == kQuotedMax) return out + "...\"";
    if (byte < 0x20 || byte == 0x7F) {
      constexpr std::string_view kHex = "0123456789abcdef";
      out += "\\x";
      out += kHex[byte >> 4U];
      out += kHex[byte & 0xFU];
    } else {
      out += c;
    }
  }
  return out + "\"";
}

std::string number_text(double value) {
  std::array<char, 32> buffer{};
  // Fixed while it is short: 1099511627776 is easier to read than 1.1e12.
  const bool whole = std::trunc(value) == value && std::abs(value) < 1e15;
  const auto result = whole ? std::to_chars(buffer.data(), buffer.data() + buffer.size(),
                                            static_cast<std::int64_t>(value))
                            : std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  return {buffer.data(), result.ptr};
}

std::string join(const std::vector<std::string>& words, std::string_view between) {
  std::string out;
  for (const auto& word : words) {
    if (!out.empty()) out += between;
    out += word;
  }
  return out;
}

}  // namespace hubward::config
