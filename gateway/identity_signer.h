#pragma once

#include <memory>
#include <string>

#include "gateway/api/signer.h"
#include "gateway/config/site_settings.h"

namespace hubward {

// Signs as one device: with its own key, or with the one that follows from its group's key. Error
// Malformed.
[[nodiscard]] Result<std::unique_ptr<Signer>> make_signer(
    const config::DeviceCredential& credential, const std::string& registration_id);

}  // namespace hubward
