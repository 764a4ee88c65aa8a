#pragma once

#include <string>

#include "gateway/config/document.h"
#include "gateway/config/report.h"
#include "gateway/config/shape.h"

namespace hubward::config {

// Holds a whole tree against its shape and reports every difference.
void check(const Node& root, const Shape& shape, FileReport& report);

}  // namespace hubward::config
