// Ties C++ structs to the keys of the files. A Record<T> lists the fields of T once; from that list
// come the checks, the binding, the defaults, the schema and the reference page.
//
//   const Record<Page>& page_record() {
//     static const Record<Page> record = [] {
//       Record<Page> r("page", "the local page");
//       r.optional("address", &Page::address, text(1, 255), "where the page listens");
//       return r;
//     }();
//     return record;
//   }
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gateway/config/shape.h"

namespace hubward::config {

// How one C++ type stands in a file.
template <class M>
struct Codec {
  ShapePtr shape;
  // Leaves `out` alone where the node is not of the shape; that was reported already. `parent` is
  // the object the node is a field of, or nullptr.
  std::function<void(const Node& node, const Node* parent, M& out)> read;
  std::function<std::string(const M& value)> write;  // as JSON text, for defaults
};

// Bounds of number() that mean "any"; beyond them no measured value makes sense.
inline constexpr double kAnyNumber = 1e300;

// Patterns anchor themselves; `says` completes "it should be ...".
[[nodiscard]] Codec<std::string> text(std::size_t length_min, std::size_t length_max,
                                      std::string says);
[[nodiscard]] Codec<std::string> text(std::size_t length_min, std::size_t length_max,
                                      const std::string& pattern, std::string says);
[[nodiscard]] Codec<std::int64_t> integer(std::int64_t minimum, std::int64_t maximum);
[[nodiscard]] Codec<double> number(double minimum, double maximum);
[[nodiscard]] Codec<bool> boolean();
[[nodiscard]] Codec<std::chrono::milliseconds> milliseconds(std::int64_t minimum,
                                                            std::int64_t maximum);
[[nodiscard]] Codec<std::chrono::seconds> seconds(std::int64_t minimum, std::int64_t maximum);

namespace detail {
[[nodiscard]] ShapePtr choice_shape(std::vector<std::string> choices);
[[nodiscard]] ShapePtr container_shape(Shape::Kind kind, ShapePtr item, std::size_t count_min,
                                       std::size_t count_max, const std::string& key_pattern,
                                       std::string key_says);
[[nodiscard]] std::string json_text(std::string_view text);
}  // namespace detail

// The same whole numbers, held in a narrower type.
template <class I>
[[nodiscard]] Codec<I> integer_as(std::int64_t minimum, std::int64_t maximum) {
  const auto wide = integer(minimum, maximum);
  return {wide.shape,
          [wide, minimum](const Node& node, const Node* parent, I& out) {
            std::int64_t value = minimum - 1;
            wide.read(node, parent, value);
            if (value >= minimum) out = static_cast<I>(value);
          },
          [](const I& value) { return std::to_string(value); }};
}

template <class E>
[[nodiscard]] Codec<E> choice(std::vector<std::pair<std::string, E>> choices) {
  std::vector<std::string> names;
  names.reserve(choices.size());
  for (const auto& [name, value] : choices) names.push_back(name);
  return {detail::choice_shape(std::move(names)),
          [choices](const Node& node, const Node*, E& out) {
            for (const auto& [name, value] : choices) {
              if (node.kind == Node::Kind::Text && node.text == name) out = value;
            }
          },
          [choices](const E& value) {
            for (const auto& [name, candidate] : choices) {
              if (candidate == value) return "\"" + name + "\"";
            }
            return std::string();
          }};
}

template <class M>
[[nodiscard]] Codec<std::vector<M>> list_of(Codec<M> item, std::size_t count_min,
                                            std::size_t count_max) {
  return {detail::container_shape(Shape::Kind::List, item.shape, count_min, count_max, "", ""),
          [item](const Node& node, const Node*, std::vector<M>& out) {
            for (const auto& entry : node.items) item.read(entry, nullptr, out.emplace_back());
          },
          [](const std::vector<M>&) { return std::string(); }};
}

template <class M>
[[nodiscard]] Codec<std::map<std::string, M>> map_of(Codec<M> item, std::size_t count_min,
                                                     std::size_t count_max,
                                                     const std::string& key_pattern,
                                                     std::string key_says) {
  return {detail::container_shape(Shape::Kind::Map, item.shape, count_min, count_max, key_pattern,
                                  std::move(key_says)),
          [item](const Node& node, const Node*, std::map<std::string, M>& out) {
            for (const auto& member : node.members) {
              item.read(member.value, nullptr, out[member.key]);
            }
          },
          [](const std::map<std::string, M>&) { return std::string(); }};
}

// Which form a field has is told by the only key of its sibling `selector`.
template <class M>
[[nodiscard]] Codec<M> selected_by(std::string selector,
                                   std::vector<std::pair<std::string, Codec<M>>> alternatives) {
  auto shape = std::make_shared<Shape>();
  shape->kind = Shape::Kind::Selected;
  shape->selector = std::move(selector);
  for (const auto& [key, codec] : alternatives) {
    shape->alternatives.emplace_back(key, codec.shape);
  }
  return {shape,
          [shape, alternatives](const Node& node, const Node* parent, M& out) {
            const Shape* chosen = parent == nullptr ? nullptr : selected(*shape, *parent);
            for (const auto& [key, codec] : alternatives) {
              if (codec.shape.get() == chosen) return codec.read(node, parent, out);
            }
          },
          [](const M&) { return std::string(); }};
}

template <class T>
class Record {
 public:
  Record(std::string name, std::string doc) : shape_(std::make_shared<Shape>()) {
    shape_->kind = Shape::Kind::Object;
    shape_->says = "an object in braces { }: " + doc;
    shape_->name = std::move(name);
    shape_->doc = std::move(doc);
  }

  // `B` is T or a base of it.
  template <class M, class B>
  Record& required(const std::string& name, M B::*member, const Codec<M>& codec, std::string doc) {
    return add(name, codec, true, "", std::move(doc),
               [member](T& object) -> M& { return object.*member; });
  }

  // The default is what a fresh T holds.
  template <class M, class B>
  Record& optional(const std::string& name, M B::*member, const Codec<M>& codec, std::string doc) {
    return add(name, codec, false, codec.write ? codec.write(T{}.*member) : "", std::move(doc),
               [member](T& object) -> M& { return object.*member; });
  }

  // Stays empty if the key is not there.
  template <class M, class B>
  Record& optional(const std::string& name, std::optional<M> B::*member, const Codec<M>& codec,
                   std::string doc) {
    shape_->fields.push_back({name, codec.shape, false, "", std::move(doc)});
    readers_.emplace_back([member, codec](const Node& node, const Node* parent, T& object) {
      if (scalar_problem(node, *codec.shape)) return;
      M value{};
      codec.read(node, parent, value);
      object.*member = std::move(value);
    });
    return *this;
  }

  Record& exactly_one() {
    shape_->exactly_one = true;
    return *this;
  }
  Record& says(std::string words) {
    shape_->says = std::move(words);
    return *this;
  }
  Record& never_quoted() {
    shape_->never_quoted = true;
    return *this;
  }

  [[nodiscard]] const Shape& shape() const { return *shape_; }

  void read(const Node& node, T& out) const {
    if (node.kind != Node::Kind::Object) return;
    for (std::size_t i = 0; i < readers_.size(); ++i) {
      if (const Node* value = node.find(shape_->fields[i].name)) readers_[i](*value, &node, out);
    }
  }

  // As the value of a field of another record.
  [[nodiscard]] Codec<T> codec() const {
    return {shape_,
            [record = *this](const Node& node, const Node*, T& out) { record.read(node, out); },
            nullptr};
  }

 private:
  template <class M, class Access>
  Record& add(const std::string& name, const Codec<M>& codec, bool required,
              std::string default_json, std::string doc, Access access) {
    shape_->fields.push_back(
        {name, codec.shape, required, std::move(default_json), std::move(doc)});
    readers_.emplace_back([access, codec](const Node& node, const Node* parent, T& object) {
      codec.read(node, parent, access(object));
    });
    return *this;
  }

  std::shared_ptr<Shape> shape_;
  std::vector<std::function<void(const Node&, const Node*, T&)>> readers_;  // as shape_->fields
};

}  // namespace hubward::config
