// Lets in MQTT devices that no file knows: somebody, or a rule, says yes, and they get a file.
#pragma once

#include <functional>
#include <mutex>
#include <string>

#include "gateway/api/log.h"
#include "gateway/api/loop.h"
#include "gateway/api/newcomer.h"
#include "gateway/config/site.h"
#include "gateway/control/newcomers.h"
#include "gateway/observe/status_board.h"
#include "gateway/platform/state_file.h"
#include "gateway/platform/work_thread.h"

namespace hubward {

// On the devices' loop; everything given outlives it. Files are read and written on a thread of its
// own. A message alone never makes a file: its name must wait, and be approved by a person or by a
// rule of the configuration, up to that rule's `devices_max`.
class Onboarding final : public NewcomerDesk {
 public:
  struct Parts {
    const config::SiteSettings& site;
    const config::FileSource& files;
    const config::SecretSource& secrets;
    Loop& loop;
    observe::StatusBoard& board;
    Log& log;
    std::string refused_path;  // of the file of names that were refused
    // Starts the device. Error: it has to wait for the next start, and why.
    std::function<Status(config::AddedDevice)> join;
  };
  explicit Onboarding(Parts parts);

  // A message of a device that no file knows.
  void heard(std::size_t rule, std::string_view name, std::string_view topic,
             std::string_view payload);

  [[nodiscard]] NewcomersStatus look() const override;
  void approve(const std::string& name, const std::string& id,
               std::function<void(Result<Approved>)> done) override;
  Status refuse(const std::string& name) override;

 private:
  enum class By : std::uint8_t { Hand, Rule };
  using Done = std::function<void(Result<Approved>)>;
  struct Made {
    Result<config::AddedDevice> device;
    std::string file;
  };
  void add(const std::string& name, const std::string& id, std::size_t rule, By by, Done done);
  [[nodiscard]] Made make(const config::OnboardingRule& rule, const std::string& id,
                          const std::string& name) const;
  void finish(const std::string& name, const std::string& id, By by, Made made, const Done& done);
  [[nodiscard]] std::string taken_id(const std::string& id) const;
  void keep_refused();

  const Parts parts_;
  control::Newcomers newcomers_;
  std::mutex refused_mutex_;
  std::string refused_text_;  // guarded by refused_mutex_: the file's thread asks for it
  platform::StateFile refused_file_;
  platform::WorkThread work_;  // last: it uses the rest
};

}  // namespace hubward
