// What stands at a place of one sample, whatever form its payload has.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "adapters/mqtt/json_place.h"
#include "adapters/mqtt/settings.h"

namespace hubward::mqtt {

using CsvHeader = std::map<std::string, std::size_t, std::less<>>;  // a column's place by its name

// One sample in a payload, which outlives it. Only what its form has is set.
struct SampleSource {
  const json::Value* root = nullptr;
  std::string_view bytes{};
  const std::vector<std::string>* columns = nullptr;
  const CsvHeader* header = nullptr;
  char separator = ',';
  std::string_view name{};  // of the JSON member that it is
};

// Nothing there: this sample has no such value. Unusable: there should be one.
struct Nothing {};
struct Unusable {};
using Found =
    std::variant<Nothing, Unusable, const json::Value*, std::string, extract::BinaryNumber>;

class SamplePlace {
 public:
  // Error ConfigInvalid: a JSON Pointer is none.
  [[nodiscard]] static Result<SamplePlace> make(const Place& where);

  [[nodiscard]] Found in(const SampleSource& sample) const;
  // The name of the column it is, if it is one by name.
  [[nodiscard]] const std::string* column_name() const;

 private:
  explicit SamplePlace(Place where) : where_(std::move(where)) {}
  Place where_;
  std::optional<JsonPlace> pointer_;  // JsonMember
};

// Nothing: there is no such value, or it is none of that form.
[[nodiscard]] std::optional<TagValue> value_of(const Found& found,
                                               const std::optional<extract::ValueForm>& form);
// As plain text, without blanks around it; empty: nothing there.
[[nodiscard]] std::string text_of(const Found& found);
[[nodiscard]] std::optional<double> number_of(const Found& found);

}  // namespace hubward::mqtt
