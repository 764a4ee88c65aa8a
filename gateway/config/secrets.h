#pragma once

#include <optional>
#include <string>

#include "gateway/api/secret.h"
#include "gateway/config/report.h"
#include "gateway/config/secret_fields.h"
#include "gateway/config/secret_source.h"

namespace hubward::config {

enum class SecretUse { Password, Base64Key };

// Loads what the reference at `pointer` names, and reports what is wrong with it without telling
// anything of it. Nothing if something is, or if the reference itself is not clean.
[[nodiscard]] std::optional<SecretText> resolve_secret(const SecretFields& fields,
                                                       const std::string& pointer, SecretUse use,
                                                       const std::string& folder,
                                                       const SecretSource& source,
                                                       FileReport& report);

}  // namespace hubward::config
