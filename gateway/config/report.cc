#include "gateway/config/report.h"

#include <algorithm>
#include <utility>

namespace hubward::config {

std::string to_line(const Problem& problem) {
  std::string line = problem.file;
  if (problem.position.line != 0) {
    line +=
        ":" + std::to_string(problem.position.line) + ":" + std::to_string(problem.position.column);
  }
  line += problem.severity == Problem::Severity::Warning ? ": warning: " : ": ";
  return line + problem.text;
}

bool has_errors(const std::vector<Problem>& problems) {
  return std::any_of(problems.begin(), problems.end(), [](const Problem& problem) {
    return problem.severity == Problem::Severity::Error;
  });
}

Problem problem_at(const Place& place, std::string rule, std::string text,
                   Problem::Severity severity) {
  return {severity, place.file, place.position, place.pointer, std::move(rule), std::move(text)};
}

FileReport::FileReport(std::string file, std::string_view text, const Node* root)
    : file_(std::move(file)), text_(text), root_(root) {}

void FileReport::error(const std::string& pointer, std::string rule, std::string text) {
  unclean_.push_back(pointer);
  if (room()) problems_.push_back(problem_at(place(pointer), std::move(rule), std::move(text)));
}

void FileReport::warning(const std::string& pointer, std::string rule, std::string text) {
  if (!room()) return;
  problems_.push_back(
      problem_at(place(pointer), std::move(rule), std::move(text), Problem::Severity::Warning));
}

void FileReport::error_at(std::size_t offset, std::string pointer, std::string rule,
                          std::string text) {
  if (!room()) return;
  problems_.push_back({Problem::Severity::Error, file_, position_of(text_, offset),
                       std::move(pointer), std::move(rule), std::move(text)});
}

bool FileReport::clean(std::string_view pointer) const {
  const auto holds = [](std::string_view outer, std::string_view inner) {
    return inner.starts_with(outer) && (inner.size() == outer.size() || inner[outer.size()] == '/');
  };
  return std::none_of(unclean_.begin(), unclean_.end(), [&](const std::string& bad) {
    return holds(pointer, bad) || holds(bad, pointer);
  });
}

Place FileReport::place(const std::string& pointer) const {
  if (root_ == nullptr) return {file_, {1, 1}, pointer};
  std::string_view held = pointer;
  while (true) {
    if (const Node* node = resolve(*root_, held)) {
      return {file_, position_of(text_, node->offset), pointer};
    }
    held = held.substr(0, held.rfind('/'));
  }
}

std::vector<Problem> FileReport::take() {
  std::stable_sort(problems_.begin(), problems_.end(), [](const Problem& a, const Problem& b) {
    return std::pair(a.position.line, a.position.column) <
           std::pair(b.position.line, b.position.column);
  });
  if (left_out_ > 0) {
    problems_.push_back({Problem::Severity::Error,
                         file_,
                         {},
                         "",
                         "more",
                         "and " + std::to_string(left_out_) + " more problems in this file"});
  }
  return std::move(problems_);
}

// Before anything is worked out about a problem: a file can hold very many.
bool FileReport::room() {
  if (!full()) return true;
  ++left_out_;
  return false;
}

}  // namespace hubward::config
