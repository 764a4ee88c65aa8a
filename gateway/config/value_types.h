// The names of Modbus value types, in files and on the command line.
#pragma once

#include <array>
#include <string_view>
#include <utility>

#include "proto/modbus/value.h"

namespace hubward::config {

inline constexpr std::array<std::pair<std::string_view, modbus::ValueType>, 16> kValueTypes{
    {{"bool", modbus::ValueType::Bool},
     {"int8", modbus::ValueType::Int8},
     {"uint8", modbus::ValueType::Uint8},
     {"int16", modbus::ValueType::Int16},
     {"uint16", modbus::ValueType::Uint16},
     {"int32", modbus::ValueType::Int32},
     {"uint32", modbus::ValueType::Uint32},
     {"int48", modbus::ValueType::Int48},
     {"uint48", modbus::ValueType::Uint48},
     {"int64", modbus::ValueType::Int64},
     {"uint64", modbus::ValueType::Uint64},
     {"float32", modbus::ValueType::Float32},
     {"float64", modbus::ValueType::Float64},
     {"bcd16", modbus::ValueType::Bcd16},
     {"bcd32", modbus::ValueType::Bcd32},
     {"text", modbus::ValueType::Text}}};

}  // namespace hubward::config
