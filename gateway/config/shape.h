// What a configuration file may say: the one table from which the binder, the JSON Schema and the
// reference page are made. Built by the templates in record.h, never by hand.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <regex>
#include <string>
#include <utility>
#include <vector>

#include "gateway/config/document.h"

namespace hubward::config {

struct Shape;
// Shared: one record describes several places, and tables live as long as the program.
using ShapePtr = std::shared_ptr<const Shape>;

// One key of an object.
struct Field {
  std::string name;
  ShapePtr shape;
  bool required = false;
  std::string default_json;  // as JSON text; empty: none
  std::string doc;
};

struct Shape {
  enum class Kind : std::uint8_t {
    Boolean,
    Integer,
    Number,
    Text,
    Choice,    // one of `choices`
    List,      // of `item`
    Map,       // any keys that match `pattern`, values `item`
    Object,    // `fields`
    Selected,  // one of `alternatives`, by the only key of the sibling `selector`
  };
  Kind kind = Kind::Text;
  std::string says;  // what is right, in words: "a number from 1 to 247". Ends the error messages

  double minimum = 0;  // Integer, Number
  double maximum = 0;
  std::size_t length_min = 0;  // Text: characters. List, Map: entries
  std::size_t length_max = 0;
  std::string pattern;  // Text, keys of a Map: only what draft-04 validators share (no \d, no (?:)
  std::optional<std::regex> regex;  // of `pattern`
  std::string key_says;             // Map: what its keys are
  std::vector<std::string> choices;
  ShapePtr item;

  std::string name;  // Object: of its definition in the schema
  std::string doc;
  std::vector<Field> fields;
  bool exactly_one = false;   // Object: one of its fields is there, and only one
  bool never_quoted = false;  // may be a secret in the wrong place: messages do not repeat it
  std::string selector;
  std::vector<std::pair<std::string, ShapePtr>> alternatives;

  [[nodiscard]] const Field* field(std::string_view key) const;
};

// Why a text, number, boolean or choice is not of its shape, as "is ...; it should be ..."; nothing
// if it is.
[[nodiscard]] std::optional<std::string> scalar_problem(const Node& node, const Shape& shape);

// The key by which a Selected shape chooses, if exactly one known key is there.
[[nodiscard]] const Shape* selected(const Shape& shape, const Node& parent);

// Foreign text for a message: in double quotes, control characters escaped, at most 64 characters.
[[nodiscard]] std::string quoted(std::string_view text);

// A number without needless digits: 20, 0.5.
[[nodiscard]] std::string number_text(double value);

[[nodiscard]] std::string join(const std::vector<std::string>& words, std::string_view between);

}  // namespace hubward::config
