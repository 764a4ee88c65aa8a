#include "adapters/mqtt/sample_place.h"

#include <utility>

namespace hubward::mqtt {
namespace {

// MQTT's texts are UTF-8, as JSON's are.
extract::ValueForm plain() {
  extract::ValueForm form;
  form.utf8 = true;
  return form;
}

// Dispatches on what was found.
template <class... F>
struct Overload : F... {
  using F::operator()...;
};
template <class... F>
Overload(F...) -> Overload<F...>;

// Many a program that publishes a line leaves its end on.
std::string_view without_line_end(std::string_view text) {
  const auto last = text.find_last_not_of("\r\n");
  return text.substr(0, last == std::string_view::npos ? 0 : last + 1);
}

Found found_or_unusable(std::optional<std::string> text) {
  if (!text) return Unusable{};
  return std::move(*text);
}

std::optional<TagValue> good(const Result<extract::Value>& value) {
  if (!value) return std::nullopt;
  return *value;
}

}  // namespace

Result<SamplePlace> SamplePlace::make(const Place& where) {
  SamplePlace made(where);
  if (const auto* member = std::get_if<JsonMember>(&where)) {
    auto pointer = JsonPlace::parse(member->pointer);
    if (!pointer) return tl::unexpected(pointer.error());
    made.pointer_ = std::move(*pointer);
  }
  return made;
}

const std::string* SamplePlace::column_name() const {
  const auto* column = std::get_if<CsvColumn>(&where_);
  return column != nullptr && column->number == 0 ? &column->name : nullptr;
}

Found SamplePlace::in(const SampleSource& sample) const {
  return std::visit(
      Overload{
          [&](const JsonMember&) -> Found {
            const json::Value* value =
                sample.root == nullptr ? nullptr : pointer_->in(*sample.root);
            if (value == nullptr) return Nothing{};
            return value;
          },
          [&](const WholeText&) -> Found { return std::string(without_line_end(sample.bytes)); },
          [&](const FixedColumns& where) -> Found {
            const auto text = extract::text_at(sample.bytes, where);
            if (!text) return Unusable{};
            return std::string(*text);
          },
          [&](const CsvColumn& where) -> Found {
            if (sample.columns == nullptr) return Nothing{};
            std::size_t first = where.number - 1;
            if (where.number == 0) {
              if (sample.header == nullptr) return Nothing{};
              const auto named = sample.header->find(where.name);
              if (named == sample.header->end()) return Nothing{};
              first = named->second;
            }
            return found_or_unusable(
                extract::text_at(*sample.columns, first, where, sample.separator));
          },
          [&](const BinaryField& where) -> Found {
            const auto number = extract::read_binary(where, sample.bytes);
            if (!number) return Unusable{};
            return *number;
          },
      },
      where_);
}

std::optional<TagValue> value_of(const Found& found,
                                 const std::optional<extract::ValueForm>& form) {
  if (const auto* member = std::get_if<const json::Value*>(&found)) {
    return form ? good(extract::value_of(**member, *form)) : value_of(**member);
  }
  if (const auto* text = std::get_if<std::string>(&found)) {
    return good(extract::value_of(std::string_view(*text), form.value_or(plain())));
  }
  if (const auto* number = std::get_if<extract::BinaryNumber>(&found)) {
    return good(extract::value_of(*number, form.value_or(plain())));
  }
  return std::nullopt;
}

std::string text_of(const Found& found) {
  if (const auto* member = std::get_if<const json::Value*>(&found)) return text_of(**member);
  if (const auto* text = std::get_if<std::string>(&found)) return extract::printable_text(*text);
  const auto* number = std::get_if<extract::BinaryNumber>(&found);
  if (number == nullptr) return {};
  return std::visit(
      [](auto one) {
        if constexpr (std::is_same_v<decltype(one), bool>) {
          return std::string(one ? "true" : "false");
        } else {
          return std::to_string(one);
        }
      },
      *number);
}

std::optional<double> number_of(const Found& found) {
  if (const auto* member = std::get_if<const json::Value*>(&found)) return json::as_double(*member);
  if (const auto* text = std::get_if<std::string>(&found)) {
    const auto number = extract::parse_number(*text);
    return number ? std::optional(*number) : std::nullopt;
  }
  const auto* number = std::get_if<extract::BinaryNumber>(&found);
  if (number == nullptr || std::holds_alternative<bool>(*number)) return std::nullopt;
  return std::visit([](auto one) { return static_cast<double>(one); }, *number);
}

}  // namespace hubward::mqtt
