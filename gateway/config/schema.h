// The two other faces of the tables: a JSON Schema for editors, and the reference for people.
#pragma once

#include <string>

namespace hubward::config {

enum class FileKind { Gateway, Device };

// JSON Schema draft-04, with keywords that mean the same in draft-07.
[[nodiscard]] std::string schema_json(FileKind kind);

// Markdown tables of all keys.
[[nodiscard]] std::string reference_markdown(FileKind kind);

}  // namespace hubward::config
