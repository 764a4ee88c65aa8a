#pragma once

#include "gateway/cli/command.h"

namespace hubward {

// Prints what comes until it is interrupted or the port goes; the status to exit with.
[[nodiscard]] int serial_listen(const cli::SerialListen& command);

}  // namespace hubward
