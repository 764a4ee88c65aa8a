#pragma once

#include <vector>

#include "gateway/config/schema.h"
#include "gateway/config/shape.h"

namespace hubward::config {

[[nodiscard]] const Shape& root_shape(FileKind kind);

// Every object shape that can occur inside `root`, itself first, in the order of the tables, once.
[[nodiscard]] std::vector<const Shape*> objects_in(const Shape& root);

}  // namespace hubward::config
