// Puts the rooms together and runs them until somebody says stop.
#pragma once

#include <string>

#include "gateway/config/file_source.h"
#include "gateway/config/secret_source.h"
#include "gateway/config/site_settings.h"

namespace hubward {

// Runs until SIGTERM or SIGINT. Blocks. The error is what kept it from starting: StateFolderBusy,
// AddressInUse, ConfigInvalid (roots file, key), StoreFailed.
// Files and secrets are read again when a device is added.
[[nodiscard]] Status run_gateway(const config::SiteSettings& site, const config::FileSource& files,
                                 const config::SecretSource& secrets);

}  // namespace hubward
