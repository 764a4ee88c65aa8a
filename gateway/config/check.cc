#include "gateway/config/check.h"

#include <algorithm>

#include "gateway/config/suggest.h"

namespace hubward::config {
namespace {

class Checker {
 public:
  explicit Checker(FileReport& report) : report_(report) {}

  // `subject` is how messages call the value: its key in quotes, or "item 3 of ...".
  void value(const Node& node, const Shape& shape, const std::string& pointer,
             const std::string& subject) {
    if (report_.full()) return;
    if (const auto problem = scalar_problem(node, shape)) {
      report_.error(pointer, "value", subject + " " + *problem);
      return;
    }
    switch (shape.kind) {
      case Shape::Kind::List:
        return list(node, shape, pointer, subject);
      case Shape::Kind::Map:
        return map(node, shape, pointer, subject);
      case Shape::Kind::Object:
        return object(node, shape, pointer, subject);
      default:
        return;
    }
  }

 private:
  // The depth of these calls is bounded by the shape's, not by the file's.
  void list(const Node& node, const Shape& shape, const std::string& pointer,
            const std::string& subject) {
    if (!count_fits(node.items.size(), shape, pointer, subject)) return;
    for (std::size_t i = 0; i < node.items.size(); ++i) {
      value(node.items[i], *shape.item, pointer + "/" + std::to_string(i),
            "item " + std::to_string(i + 1) + " of " + subject);
    }
  }

  void map(const Node& node, const Shape& shape, const std::string& pointer,
           const std::string& subject) {
    if (!count_fits(node.members.size(), shape, pointer, subject)) return;
    for (const auto& member : node.members) {
      const std::string inner = pointer + pointer_step(member.key);
      if (member.key.size() > kKeyBytesMax || !std::regex_search(member.key, *shape.regex)) {
        report_.error_at(member.key_offset, inner, "name",
                         quoted(member.key) + " cannot be a name in " + subject +
                             "; it should be " + shape.key_says);
        continue;
      }
      value(member.value, *shape.item, inner, quoted(member.key));
    }
  }

  void object(const Node& node, const Shape& shape, const std::string& pointer,
              const std::string& subject) {
    for (const auto& member : node.members) {
      const Field* field = shape.field(member.key);
      if (field == nullptr) {
        unknown_key(member, shape, pointer);
      } else if (field->shape->kind == Shape::Kind::Selected) {
        // Nothing can be said about it while the selector itself is wrong.
        if (const Shape* chosen = selected(*field->shape, node)) {
          value(member.value, *chosen, pointer + pointer_step(member.key), quoted(member.key));
        }
      } else {
        value(member.value, *field->shape, pointer + pointer_step(member.key), quoted(member.key));
      }
    }
    missing_keys(node, shape, pointer, subject);
  }

  void unknown_key(const Member& member, const Shape& shape, const std::string& pointer) {
    std::vector<std::string> known;
    for (const auto& field : shape.fields) known.push_back(field.name);
    const std::string guess = report_.full() ? "" : nearest(member.key, known);
    report_.error_at(member.key_offset, pointer + pointer_step(member.key), "unknown-key",
                     "there is no key " + quoted(member.key) + " here; " +
                         (guess.empty() ? "known keys are " + join(known, ", ")
                                        : "did you mean \"" + guess + "\"?"));
  }

  void missing_keys(const Node& node, const Shape& shape, const std::string& pointer,
                    const std::string& subject) {
    if (shape.exactly_one) {
      std::vector<std::string> known;
      std::size_t present = 0;
      for (const auto& field : shape.fields) {
        known.push_back("\"" + field.name + "\"");
        if (node.find(field.name) != nullptr) ++present;
      }
      if (present == 0 && !node.members.empty()) {
        report_.mark_unclean(pointer);  // its unknown key was reported
      } else if (present != 1) {
        report_.error(pointer, "exactly-one",
                      subject + " holds " + (present == 0 ? "none" : "several") + " of " +
                          join(known, ", ") + "; it should hold exactly one of them");
      }
      return;
    }
    for (const auto& field : shape.fields) {
      if (!field.required || node.find(field.name) != nullptr) continue;
      // A misspelt required key was reported as unknown; once is enough.
      const bool misspelt =
          !report_.full() &&
          std::any_of(node.members.begin(), node.members.end(), [&](const Member& member) {
            return shape.field(member.key) == nullptr && !nearest(member.key, {field.name}).empty();
          });
      const std::string inner = pointer + pointer_step(field.name);
      if (misspelt) {
        report_.mark_unclean(inner);
        continue;
      }
      report_.error(inner, "missing-key",
                    "\"" + field.name + "\" is missing in " + subject + "; add it: " + field.doc);
    }
  }

  bool count_fits(std::size_t count, const Shape& shape, const std::string& pointer,
                  const std::string& subject) {
    if (count >= shape.length_min && count <= shape.length_max) return true;
    report_.error(pointer, "count",
                  subject + " has " + std::to_string(count) + " entries; it should have " +
                      (count < shape.length_min ? "at least " + std::to_string(shape.length_min)
                                                : "at most " + std::to_string(shape.length_max)));
    return false;
  }

  // No name of ours is longer; bounds the matcher's work.
  static constexpr std::size_t kKeyBytesMax = 128;

  FileReport& report_;
};

}  // namespace

void check(const Node& root, const Shape& shape, FileReport& report) {
  Checker(report).value(root, shape, "", "this file");
}

}  // namespace hubward::config
