#include "gateway/config/csv_rows.h"

#include <algorithm>
#include <utility>

#include "proto/utf8.h"

namespace hubward::config {
namespace {

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

std::string trimmed(const std::string& text) {
  const auto begin = text.find_first_not_of(" \t");
  if (begin == std::string::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

char separator_of(std::string_view text) {
  std::size_t semicolons = 0;
  std::size_t commas = 0;
  std::size_t tabs = 0;
  bool quoted = false;
  for (const char c : text) {
    if (c == '"') quoted = !quoted;
    if (quoted) continue;
    if (c == '\n' && semicolons + commas + tabs > 0) break;
    semicolons += c == ';' ? 1U : 0U;
    commas += c == ',' ? 1U : 0U;
    tabs += c == '\t' ? 1U : 0U;
  }
  if (tabs > semicolons && tabs > commas) return '\t';
  return semicolons > commas ? ';' : ',';
}

// What a file is that cannot be a table, whatever its lines hold; nothing of a text.
std::string no_text(std::string_view text) {
  if (text.starts_with("PK\x03\x04")) return "this is no text but a workbook (.xlsx, .ods)";
  if (text.starts_with("\xD0\xCF\x11\xE0")) return "this is no text but a workbook (.xls)";
  if (text.starts_with("\xFF\xFE") || text.starts_with("\xFE\xFF")) return "this is UTF-16";
  if (text.find('\0') != std::string_view::npos) return "this is no text";
  return {};
}

// Takes one row after the other out of the text.
class Reader {
 public:
  Reader(std::string_view text, CsvTable& table) : text_(text), table_(table) {}

  void read() {
    while (at_ < text_.size() && table_.problems.size() < kCsvProblemsMax) {
      row_ = CsvRow{line_, {}};
      is_comment_ = false;
      trouble_.clear();
      while (read_field()) {
      }
      finish_row();
    }
  }

 private:
  [[nodiscard]] char here() const { return at_ < text_.size() ? text_[at_] : '\n'; }
  [[nodiscard]] bool ends_field(char c) const {
    return c == table_.separator || c == '\n' || c == '\r';
  }
  void say(const char* trouble) {
    if (trouble_.empty()) trouble_ = trouble;
  }

  // Whether another one follows in this row.
  bool read_field() {
    std::string field;
    bool was_quoted = false;
    while (here() == ' ' || (here() == '\t' && table_.separator != '\t')) ++at_;
    if (here() == '"' && at_ < text_.size()) {
      was_quoted = true;
      read_quoted(field);
      while (here() == ' ') ++at_;
      if (at_ < text_.size() && !ends_field(here())) {
        say("there is something behind the closing quote of a field");
      }
    }
    std::string rest;
    while (at_ < text_.size() && !ends_field(text_[at_])) rest += text_[at_++];
    if (!was_quoted) field = trimmed(rest);
    if (row_.fields.empty()) is_comment_ = !was_quoted && field.starts_with('#');
    if (field.size() > kCsvFieldBytesMax) say("a field is longer than 1024 bytes");
    if (row_.fields.size() >= kCsvColumnsMax) {
      say("there are more than 64 columns");
    } else {
      row_.fields.push_back(std::move(field));
    }
    if (at_ >= text_.size()) return false;
    const char end = text_[at_++];
    if (end == table_.separator) return true;
    if (end == '\r' && here() == '\n' && at_ < text_.size()) ++at_;
    ++line_;
    return false;
  }

  void read_quoted(std::string& field) {
    ++at_;
    while (at_ < text_.size()) {
      const char c = text_[at_++];
      if (c == '"') {
        if (at_ >= text_.size() || text_[at_] != '"') return;
        ++at_;
      }
      if (c == '\n') ++line_;
      field += c;
    }
    say("a quote is opened and never closed");
  }

  void finish_row() {
    const bool is_empty =
        std::ranges::all_of(row_.fields, [](const std::string& field) { return field.empty(); });
    if (trouble_.empty() && (is_empty || is_comment_)) return;
    for (const std::string& field : row_.fields) {
      if (!is_valid_text(field)) say("it is not UTF-8; save the table as \"CSV UTF-8\"");
    }
    if (!trouble_.empty()) {
      table_.problems.push_back({row_.line, trouble_});
      return;
    }
    table_.rows.push_back(std::move(row_));
  }

  std::string_view text_;
  CsvTable& table_;
  std::size_t at_ = 0;
  std::size_t line_ = 1;
  CsvRow row_;
  bool is_comment_ = false;
  std::string trouble_;
};

}  // namespace

CsvTable read_csv(std::string_view text) {
  CsvTable table;
  if (const std::string what = no_text(text); !what.empty()) {
    table.problems.push_back({1, what + "; save the table as \"CSV UTF-8\""});
    return table;
  }
  if (text.starts_with(kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  table.separator = separator_of(text);
  Reader(text, table).read();
  return table;
}

}  // namespace hubward::config
