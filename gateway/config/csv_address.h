#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "proto/result.h"

namespace hubward::config {

// A register as a table names it.
struct CsvAddress {
  std::string address;  // as the configuration writes it
  std::optional<std::string> unit;
  std::optional<std::uint32_t> bit;
  std::optional<std::uint32_t> length;  // of a text, in bytes
};

// "holding:12" as it is; "40013", "400013.5" (a bit), "400013.10H" (a text) and Neuron's "1!400013"
// as manuals number them. Error Malformed; its context is the end of a sentence about the text.
[[nodiscard]] Result<CsvAddress> read_csv_address(std::string_view text);

}  // namespace hubward::config
