// `hubward why` while no gateway runs: the whole walk, login and provisioning included.
#pragma once

#include <string>

#include "proto/result.h"

namespace hubward {

namespace config {
struct SiteSettings;
}

// Walks for one device and returns observe::why_json. Holds the state folder's lock meanwhile, so
// that no gateway on this computer is pushed out; changes nothing in it. Waits up to three minutes
// at worst. Errors, with a whole sentence as context: StateFolderBusy, StoreFailed, ConfigInvalid,
// Malformed (no such device, or its key).
[[nodiscard]] Result<std::string> why_alone(const config::SiteSettings& site,
                                            const std::string& device_id);

}  // namespace hubward
