// How busy the polling of one line would keep it.
#pragma once

#include <optional>

#include "adapters/modbus/settings.h"
#include "adapters/serial/settings.h"

namespace hubward::config {

// Of all devices together.
[[nodiscard]] modbus::BusNeed line_need(const modbus::BusSettings& bus,
                                        const modbus::BusTiming& timing);

// The least share of the time that the requests of a line's devices take, with the shortest answers
// that hold all their values. Nothing: nobody is asked there, or it is behind a network and nobody
// said how fast it is.
[[nodiscard]] std::optional<double> least_polling_share(const serial::LineSettings& line);

}  // namespace hubward::config
