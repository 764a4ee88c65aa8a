// What a site's configuration says to each of the gateway's parts.
#pragma once

#include <cstdint>
#include <string>

#include "gateway/api/log.h"
#include "gateway/config/site_settings.h"
#include "gateway/device/cloud_settings.h"
#include "gateway/outbox/outbox_writer.h"
#include "gateway/resilience/limits.h"

namespace hubward {

// Names this start of the machine, by the kernel's word; 0 where it says none.
[[nodiscard]] std::uint64_t machine_boot_id();

[[nodiscard]] device::CloudSettings cloud_settings(const config::SiteSettings& site);

// What the tier allows, except where the configuration names a rate itself.
[[nodiscard]] resilience::Limits limits_of(const config::SiteSettings& site);

// `path`: of the store's file. `log` outlives the outbox.
[[nodiscard]] outbox::WriterOptions outbox_options(const config::SiteSettings& site,
                                                   std::string path, Log& log);

}  // namespace hubward
