// Collects what is wrong with one file, and knows where everything in it stands.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "gateway/config/document.h"
#include "gateway/config/problem.h"

namespace hubward::config {

// A place in a file, kept after the file's tree is gone, for checks across files.
struct Place {
  std::string file;
  Position position;
  std::string pointer;
};

[[nodiscard]] Problem problem_at(const Place& place, std::string rule, std::string text,
                                 Problem::Severity severity = Problem::Severity::Error);

class FileReport {
 public:
  // A file with more is better read again by its author. What comes after is counted only.
  static constexpr std::size_t kProblemsMax = 100;

  // `text` and `root` outlive the report. `root` may be absent: everything is at the file's begin.
  FileReport(std::string file, std::string_view text, const Node* root);

  // At the value the pointer names, or, if it is missing, at what should hold it.
  void error(const std::string& pointer, std::string rule, std::string text);
  void warning(const std::string& pointer, std::string rule, std::string text);
  // At a byte of the file, e.g. at a key. Does not make the value unclean.
  void error_at(std::size_t offset, std::string pointer, std::string rule, std::string text);

  // Something is wrong with it, and was said already.
  void mark_unclean(std::string pointer) { unclean_.push_back(std::move(pointer)); }
  // No error at this value, inside it or at what holds it, so that a check of its meaning makes
  // sense.
  [[nodiscard]] bool clean(std::string_view pointer) const;
  [[nodiscard]] bool full() const { return problems_.size() >= kProblemsMax; }
  [[nodiscard]] Place place(const std::string& pointer) const;
  // Sorted by position; says how many were left out.
  [[nodiscard]] std::vector<Problem> take();

 private:
  bool room();

  std::string file_;
  std::string_view text_;
  const Node* root_;
  std::vector<Problem> problems_;
  std::vector<std::string> unclean_;
  std::size_t left_out_ = 0;
};

}  // namespace hubward::config
