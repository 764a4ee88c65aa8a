// The door of this room: a folder with gateway.json and devices.d/*.json in, checked settings or
// every problem at once out.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "gateway/config/file_source.h"
#include "gateway/config/problem.h"
#include "gateway/config/secret_source.h"
#include "gateway/config/site_settings.h"

namespace hubward::config {

// More is refused; the service's own limits and one gateway's memory end well before.
inline constexpr std::size_t kDevicesMax = 10'000;

struct LoadedSite {
  std::optional<SiteSettings> settings;  // absent exactly when `problems` holds an error
  // In the order of files (gateway.json first), then of positions. Warnings may stand beside
  // settings.
  std::vector<Problem> problems;
};

// Reads, binds and checks the whole site. Pure but for the two sources. Paths in the result are
// absolute or relative to the working directory; relative ones in the files are taken from
// `folder`.
[[nodiscard]] LoadedSite load_site(const std::string& folder, const FileSource& files,
                                   const SecretSource& secrets);

// What the file of a new device of `rule` says: who it is, and the model and enrollment that say
// the rest.
[[nodiscard]] std::string new_device_text(const OnboardingRule& rule, const std::string& id,
                                          const std::string& name_in_topic);

// One more device while the gateway runs.
struct AddedDevice {
  DeviceDescription description;
  DeviceCredential credential;
  mqtt::DeviceSettings mqtt;
};
// From the text that `file_name` in devices.d is to have. The whole site is checked with it, as it
// is on the disk now, so that the gateway starts with it as well. Error ConfigInvalid: what is
// wrong, in one sentence; Transient where it is not the new file's fault.
[[nodiscard]] Result<AddedDevice> load_new_device(const std::string& folder,
                                                  const std::string& file_name,
                                                  const std::string& text, const FileSource& files,
                                                  const SecretSource& secrets);

// Where the gateway of `folder` keeps its state, even if much else in its files is wrong: for
// commands that look for the running gateway. Error ConfigInvalid: gateway.json is unreadable.
[[nodiscard]] Result<std::string> state_folder_of(const std::string& folder,
                                                  const FileSource& files);

}  // namespace hubward::config
