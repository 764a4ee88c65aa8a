// Puts the rooms together and runs them until somebody says stop.
#pragma once

#include <string>

#include "gateway/config/site_settings.h"

namespace hubward {

// Runs until SIGTERM or SIGINT. Blocks. The error is what kept it from starting: StateFolderBusy,
// AddressInUse, ConfigInvalid (roots file, key), StoreFailed.
[[nodiscard]] Status run_gateway(const config::SiteSettings& site);

}  // namespace hubward
