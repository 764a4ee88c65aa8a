#pragma once

#include <string>

#include "proto/modbus/value.h"

namespace hubward::cli {

// As a person reads it: numbers bare, text in quotes with what cannot be printed as dots.
[[nodiscard]] std::string value_text(const modbus::Value& value);

}  // namespace hubward::cli
