#include "gateway/config/tag_csv.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <map>
#include <set>

#include "gateway/config/csv_address.h"
#include "gateway/config/device_file.h"
#include "gateway/config/shape.h"
#include "gateway/config/tag_columns.h"
#include "proto/json.h"

namespace hubward::config {
namespace {

// With a decimal point or comma; nothing for what is no number, or has both.
std::optional<double> number_in(std::string text) {
  if (text.find('.') != std::string::npos && text.find(',') != std::string::npos) return {};
  std::ranges::replace(text, ',', '.');
  const char* begin = text.data();
  const char* const end = begin + text.size();
  if (begin != end && *begin == '+') ++begin;
  double value = 0;
  const auto [stop, error] = std::from_chars(begin, end, value);
  if (error != std::errc{} || stop != end || !std::isfinite(value)) return {};
  return value;
}

// One row's keys, in the order of the configuration's pages.
class TagBuilder {
 public:
  TagBuilder() : out_(buffer_) { out_.StartObject(); }
  void text(const char* key, std::string_view value) {
    if (!begin(key)) return;
    out_.String(value.data(), static_cast<rapidjson::SizeType>(value.size()));
  }
  void number(const char* key, double value) {
    if (!begin(key)) return;
    if (value == std::floor(value) && std::abs(value) < 1e15) {
      out_.Int64(static_cast<std::int64_t>(value));
    } else {
      out_.Double(value);
    }
  }
  void truth(const char* key, bool value) {
    if (begin(key)) out_.Bool(value);
  }
  void texts(const char* key, const std::vector<std::string>& values) {
    if (!begin(key)) return;
    out_.StartArray();
    for (const std::string& value : values) out_.String(value.c_str());
    out_.EndArray();
  }
  [[nodiscard]] bool has(const char* key) const { return keys_.contains(key); }
  [[nodiscard]] std::string take() {
    out_.EndObject();
    return {buffer_.GetString(), buffer_.GetSize()};
  }

 private:
  bool begin(const char* key) {
    if (!keys_.insert(key).second) return false;
    out_.Key(key);
    return true;
  }
  rapidjson::StringBuffer buffer_;
  json::Writer out_;
  std::set<std::string> keys_;
};

class Importer {
 public:
  Importer(const CsvTable& table, const TagCsvOptions& options, TagCsv& out)
      : table_(table), options_(options), out_(out) {}

  void run() {
    if (!read_header()) return;
    for (std::size_t i = 1; i < table_.rows.size(); ++i) {
      if (out_.problems.size() >= kCsvProblemsMax) {
        out_.notes.emplace_back("there are more problems than these");
        break;
      }
      if (i > kTagsMax) {
        say(table_.rows[i].line, "a device has at most " + std::to_string(kTagsMax) + " tags");
        break;
      }
      read_row(table_.rows[i]);
    }
    tell_units();
    if (out_.is_for_line) {
      out_.notes.emplace_back(
          "\"broadcast\" is for a device on a serial line (\"modbus_rtu\", \"modbus_rtu_tcp\"): "
          "Modbus TCP has none");
    }
    if (said_writable_ > 0 && !options_.take_access) {
      out_.notes.push_back(std::to_string(said_writable_) +
                           (said_writable_ == 1 ? " tag" : " tags") +
                           " may be written by the table's word, and come without "
                           "\"writable\" (--take-access takes it over)");
    }
  }

 private:
  void say(std::size_t line, std::string text) { out_.problems.push_back({line, std::move(text)}); }

  bool read_header() {
    if (table_.rows.empty()) {
      say(1, "there is no table; its first row names the columns: name, address, type, ...");
      return false;
    }
    const CsvRow& header = table_.rows[0];
    std::map<std::string, std::string> taken;  // key, heading
    std::string unknown;
    std::string only_in_files;
    const auto add = [](std::string& list, const std::string& heading) {
      list += (list.empty() ? "" : ", ") + quoted(heading);
    };
    for (const std::string& heading : header.fields) {
      const TagColumn* const column = find_tag_column(heading);
      if (column == nullptr) {
        if (!heading.empty()) add(unknown, heading);
        columns_.push_back(nullptr);
        continue;
      }
      const bool only_in_file = column->kind == ColumnKind::OnlyInFiles;
      if (only_in_file) add(only_in_files, heading);
      const bool is_taken = !only_in_file && column->kind != ColumnKind::Ignored;
      columns_.push_back(is_taken ? column : nullptr);
      if (!is_taken) continue;
      const auto [other, is_new] = taken.emplace(column->key, heading);
      if (!is_new) {
        say(header.line, "the columns " + quoted(other->second) + " and " + quoted(heading) +
                             " both say \"" + column->key + "\"; leave one out");
      }
    }
    for (const char* needed : {"name", "address"}) {
      if (!taken.contains(needed)) {
        say(header.line, std::string("there is no column \"") + needed + "\"");
      }
    }
    if (!unknown.empty()) out_.notes.push_back("not taken over: " + unknown);
    if (!only_in_files.empty()) {
      out_.notes.push_back("not taken over: " + only_in_files +
                           "; a field has no room for it, write it into the device's file");
    }
    return out_.problems.empty();
  }

  void read_row(const CsvRow& row) {
    const std::size_t problems_before = out_.problems.size();
    // Also an empty one: a decimal comma in a row that ends with nothing looks like that.
    if (row.fields.size() > columns_.size()) {
      say(row.line, "it has " + std::to_string(row.fields.size()) + " fields, the first row " +
                        std::to_string(columns_.size()) +
                        "; a comma in a number needs quotes, or semicolons between the fields");
      return;
    }
    if (row.fields.size() == 1 && columns_.size() > 1 &&
        row.fields[0].find_first_of(",;\t") != std::string::npos) {
      const auto name = [](char c) {
        return c == ',' ? "commas" : c == ';' ? "semicolons" : "tabs";
      };
      const char other = row.fields[0][row.fields[0].find_first_of(",;\t")];
      say(row.line, "it has 1 field, the first row " + std::to_string(columns_.size()) +
                        ": are there " + name(other) + " between them instead of " +
                        name(table_.separator) + "?");
      return;
    }
    row_ = &row;
    TagBuilder tag;
    scaling_ = {};
    is_scaled_ = true;
    for (std::size_t i = 0; i < std::min(columns_.size(), row.fields.size()); ++i) {
      if (columns_[i] != nullptr && !row.fields[i].empty()) take(*columns_[i], row.fields[i], tag);
    }
    add_scaling(tag);
    if (options_.interval && !tag.has("interval_ms")) {
      tag.number("interval_ms", static_cast<double>(options_.interval->count()));
    }
    if (out_.problems.size() == problems_before) out_.tags.push_back({row.line, tag.take()});
  }

  void take(const TagColumn& column, const std::string& field, TagBuilder& tag) {
    switch (column.kind) {
      case ColumnKind::Text:
        return tag.text(column.key, field);
      case ColumnKind::Address:
        return take_address(field, tag);
      case ColumnKind::Type:
        return take_type(field, tag);
      case ColumnKind::Order:
        return take_order(field, tag);
      case ColumnKind::Access:
        return take_access(field, tag);
      case ColumnKind::Truth:
        return take_truth(column, field, tag);
      case ColumnKind::RawNumbers:
        return take_raw_numbers(column, field, tag);
      case ColumnKind::Number:
      case ColumnKind::RawLow:
      case ColumnKind::RawHigh:
      case ColumnKind::ScaledLow:
      case ColumnKind::ScaledHigh:
        return take_number(column, field, tag);
      case ColumnKind::Scaling:
        return take_scaling(field);
      case ColumnKind::OnlyInFiles:
      case ColumnKind::Ignored:
        return;
    }
  }

  void wrong(const char* key, const std::string& field, const std::string& why) {
    say(row_->line, std::string("\"") + key + "\": " + quoted(field) + " " + why);
  }

  void take_number(const TagColumn& column, const std::string& field, TagBuilder& tag) {
    const auto number = number_in(field);
    if (!number) return wrong(column.key, field, "is no number");
    if (column.kind == ColumnKind::Number) return tag.number(column.key, *number);
    scaling_[static_cast<std::size_t>(column.kind) - static_cast<std::size_t>(ColumnKind::RawLow)] =
        *number;
  }

  // Kepware: None, Linear or Square Root, and the four limits stand there in any case.
  void take_scaling(const std::string& field) {
    const std::string word = letters_and_digits(field);
    is_scaled_ = word != "none";
    if (word != "linear" && word != "none") {
      wrong("scaling", field, "cannot be done; only Linear and None can");
    }
  }

  void take_truth(const TagColumn& column, const std::string& field, TagBuilder& tag) {
    const std::string word = letters_and_digits(field);
    if (word == "true" || word == "yes" || word == "1" || word == "x") {
      tag.truth(column.key, true);
      if (column.key == std::string_view("broadcast")) out_.is_for_line = true;
    } else if (word != "false" && word != "no" && word != "0") {
      wrong(column.key, field, "is neither true nor false");
    }
  }

  // With blanks, commas or semicolons between them.
  static void take_raw_numbers(const TagColumn& column, const std::string& field, TagBuilder& tag) {
    constexpr const char* kBetween = " ,;";
    std::vector<std::string> numbers;
    for (auto begin = field.find_first_not_of(kBetween); begin != std::string::npos;) {
      const auto end = field.find_first_of(kBetween, begin);
      numbers.push_back(field.substr(begin, end - begin));
      begin = field.find_first_not_of(kBetween, end);
    }
    tag.texts(column.key, numbers);
  }

  // Kepware: R/W, RO. Neuron: "Read", "Read Write", "Read Subscribe Write", or their sum (2
  // writes).
  void take_access(const std::string& field, TagBuilder& tag) {
    const std::string word = letters_and_digits(field);
    const bool is_sum = word.size() == 1 && word[0] >= '0' && word[0] <= '9';
    const bool writes = is_sum ? ((word[0] - '0') & 2) != 0
                               : word == "rw" || word == "w" || word == "wo" ||
                                     word.find("write") != std::string::npos;
    if (!writes) return;
    ++said_writable_;
    if (options_.take_access) tag.truth("writable", true);
  }

  void take_order(const std::string& field, TagBuilder& tag) {
    const std::string word = letters_and_digits(field);
    if (word != "abcd" && word != "cdab" && word != "badc" && word != "dcba") {
      return wrong("order", field, "is none of ABCD, CDAB, BADC and DCBA");
    }
    if (word == "cdab" || word == "dcba") tag.text("word_order", "low_first");
    if (word == "badc" || word == "dcba") tag.text("byte_order", "low_first");
  }

  void take_type(const std::string& field, TagBuilder& tag) {
    if (const char* type = find_type(field)) return tag.text("type", type);
    const std::string word = letters_and_digits(field);
    if (word == "int" || word == "uint") {
      return wrong("type", field, "may have 16 or 32 bits; write " + word + "16 or " + word + "32");
    }
    wrong("type", field, "is no type; write int16, uint32, float32, bool, text ...");
  }

  void take_address(const std::string& field, TagBuilder& tag) {
    const auto found = read_csv_address(field);
    if (!found) return wrong("address", field, found.error().context);
    tag.text("address", found->address);
    if (found->bit) tag.number("bit", *found->bit);
    if (found->length) tag.number("length", *found->length);
    if (found->unit) units_.insert(*found->unit);
    if (!found->unit) ++without_unit_;
  }

  void add_scaling(TagBuilder& tag) {
    const auto given = std::ranges::count_if(scaling_, [](const auto& n) { return n.has_value(); });
    if (given == 0 || !is_scaled_) return;
    const auto& [raw_low, raw_high, low, high] = scaling_;
    if (given != 4) {
      return say(row_->line,
                 "of raw low, raw high, scaled low and scaled high all four are needed");
    }
    if (tag.has("scale") || tag.has("offset")) {
      return say(row_->line, "\"scale\" is there, and raw and scaled limits too; leave one out");
    }
    if (*raw_high == *raw_low || *high == *low) {
      return say(row_->line, "between equal limits there is no scale");
    }
    const double scale = (*high - *low) / (*raw_high - *raw_low);
    const double offset = *low - scale * *raw_low;
    if (!std::isfinite(scale) || !std::isfinite(offset)) {
      return say(row_->line, "the limits make no scale");
    }
    if (scale != 1) tag.number("scale", scale);
    if (offset != 0) tag.number("offset", offset);
  }

  // A device's file is for one unit.
  void tell_units() {
    if (units_.empty()) return;
    std::string named;
    for (const std::string& unit : units_) named += (named.empty() ? "" : ", ") + unit;
    if (units_.size() > 1 || without_unit_ > 0) {
      say(table_.rows[0].line, "the addresses are of several units (" + named +
                                   (without_unit_ > 0 ? ", and some of none" : "") +
                                   "); a device's file is for one");
    } else {
      out_.notes.push_back("all addresses are of unit " + named + ": \"unit_id\" of the device");
    }
  }

  const CsvTable& table_;
  const TagCsvOptions& options_;
  TagCsv& out_;
  std::vector<const TagColumn*> columns_;
  const CsvRow* row_ = nullptr;
  std::array<std::optional<double>, 4> scaling_;
  bool is_scaled_ = true;
  std::set<std::string> units_;
  std::size_t without_unit_ = 0;
  std::size_t said_writable_ = 0;
};

}  // namespace

TagCsv read_tag_csv(std::string_view text, const TagCsvOptions& options) {
  TagCsv out;
  if (text.size() > kFileBytesMax) {
    out.problems.push_back({1, "the file is larger than 1 MB"});
    return out;
  }
  const CsvTable table = read_csv(text);
  out.problems = table.problems;
  if (table.problems.empty() || !table.rows.empty()) {
    TagCsv found;
    Importer(table, options, found).run();
    out.tags = std::move(found.tags);
    out.notes = std::move(found.notes);
    out.is_for_line = found.is_for_line;
    for (auto& problem : found.problems) out.problems.push_back(std::move(problem));
  }
  std::ranges::stable_sort(out.problems, {}, &CsvProblem::line);
  return out;
}

}  // namespace hubward::config
